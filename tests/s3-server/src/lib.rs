//! An S3 server in memory for tests. It has atomic conditional requests, listings in pages, storage classes,
//! lifecycle rules as data, enforced policies of users and buckets, and faults on request. There are also a
//! proxy that cuts connections and a proxy that speaks TLS.
//!
//! Each server runs on its own thread and listens on a port of this machine that the system chooses.

mod authority;
mod bucket;
mod cut_body;
mod fault;
mod link;
mod listing;
mod policy;
mod proxy;
mod server;
mod service;
mod tls;

pub use crate::{
    fault::{Fault, FaultRule, RequestLine},
    proxy::{Cut, CuttingProxy},
    server::{ServerOptions, TestServer},
    tls::{TestAuthority, TestCertificate, TlsFront},
};
