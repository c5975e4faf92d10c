//! Independent verifier and rescuer, built on format and store alone, so that it shares no bug with the write
//! path.
//!
//! Architecture invariants: never uses the repository, backup or restore crates, nor the catalogue. Checking
//! and planning a repair only read; [`Maintenance`] alone writes and deletes, and it copies every object into
//! quarantine before deleting it. Problems of stored objects are data in the report, never an error; an error
//! means that the check itself could not continue. CPU work runs on a rayon pool and never waits for the
//! store.

mod check;
mod collections;
mod damage;
mod directories;
mod error;
mod events;
mod forgotten;
mod graph;
mod header;
mod impact;
mod inventory;
mod keyspace;
mod leaf;
mod lineage;
mod link_member;
mod links;
mod log;
mod options;
mod pack;
mod packs;
mod parents;
mod reading;
mod repair;
mod report;
mod retained;
mod sample;
mod session;
mod snapshots;
mod table;
mod walk;
mod words;

#[cfg(test)]
mod tests;

pub use crate::{
    check::check,
    error::CheckError,
    events::{CheckEvents, CheckPhase, NoEvents},
    options::CheckOptions,
    repair::{
        Maintenance, MarkChange, MendedManifest, RepairEnvironment, RepairOutcome, RepairPlan, RepairStep,
        SalvageSource, StoredObject, plan_repair,
    },
    report::{CheckProblem, CheckReport, EXAMPLES_MAX, ProblemKind, Severity, SnapshotCheck},
};
