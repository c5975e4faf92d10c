//! S3 as a `Store`: conditional requests, checksums, storage classes, encryption, multipart uploads and
//! everything else that is peculiar to it and to servers that are like it; the only crate with the AWS SDK.
//!
//! Architecture invariants: knows nothing about Icecore's encryption or the meaning of objects; no type of
//! the SDK is public; every request goes through one requester, which counts it, so that nothing that costs
//! money is overlooked.

mod action;
mod answer;
pub mod archive;
mod bucket;
mod checksum;
mod client;
mod connection;
mod delete;
mod endpoint;
mod failure;
mod gate;
pub mod kms;
pub mod lifecycle;
mod likeness;
mod list;
mod location;
mod look;
mod metadata;
mod movement;
mod multipart;
mod network;
pub mod options;
pub mod probe;
pub mod profile;
mod read;
mod requester;
mod store;
pub mod trust;
mod unfinished;
pub mod usage;
mod write;

pub use crate::{
    archive::ArchiveReport,
    bucket::Versioning,
    endpoint::{AwsEndpoint, AwsEndpointKind, aws_endpoint},
    kms::{DataKey, KmsError, KmsOptions, Unreached, WrappedKey},
    lifecycle::{ColdRule, LifecycleReport},
    list::Neighbours,
    options::{
        Addressing, Credentials, Encryption, HotStorageClass, Parts, S3Options, StorageClassError,
        StorageClassName,
    },
    probe::{
        ConditionReport, ProbeError, Trial, explain_probe_error, probe_conditions, require_conditions,
        require_reads, try_requests,
    },
    profile::{ProfileError, ProfileSettings, profile_settings},
    store::S3Store,
    trust::{Trust, TrustError},
    usage::{RequestClass, RequestCount, RequestMeter, RequestUsage},
};
