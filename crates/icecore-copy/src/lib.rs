//! Copies snapshots into another repository: reads chunks, names and seals them again under the other's keys,
//! and commits there as a backup does.
//!
//! Architecture invariants: only reads the source repository; writes only through a write session of
//! `icecore-repo`; never changes what a copied snapshot says about files, only the names of its chunks.

mod copy;
mod error;
mod gather;
mod known;
mod plan;
mod request;
mod similar;

pub use crate::{
    copy::{SOURCE_CACHE_BYTES, copy_snapshot},
    error::{CopyError, CopyResult},
    known::KnownChunks,
    plan::{CopyPlan, TargetSnapshots, plan_copy},
    request::{CopyCounts, CopyEvents, CopyProgress, CopyReport, CopyRequest, CopyTarget},
};
