//! An S3 server in memory for tests: atomic conditional requests, listings in pages, storage classes,
//! lifecycle rules as data, policies of users and buckets that are enforced, and faults on order; a proxy
//! that cuts connections, and one that speaks TLS.
//!
//! Each server runs on a thread of its own and listens on a port of this machine that the system chooses.

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
