//! Tests what a server supports and allows, on objects below `probe/`.

mod conditions;
mod error;
pub(crate) mod object;
mod trial;

pub use self::{
    conditions::{ConditionReport, probe_conditions, require_conditions},
    error::ProbeError,
    trial::{Trial, explain_probe_error, require_reads, try_requests},
};
