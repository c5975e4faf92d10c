//! Decides which packs nothing needs, and removes them beside running backups: collections, their protocol
//! and its model.
//!
//! Architecture invariants: only this crate deletes packs because nothing needs them (a repair deletes what
//! it has put into quarantine); it deletes nothing that is not named in a record which every writer obeys; no
//! decision to delete depends on a clock, on the catalogue, or on what another host says that it proved.

mod chunk_packs;
mod collector;
mod error;
mod forget;
mod kept_sets;
mod live;
mod marks;
mod owners;
mod pack_set;
mod packs;
mod plan;
mod reader_hold;
mod repack;
mod run;
mod shares;
mod sources;
mod survey;
mod undo;

#[cfg(test)]
mod bed;
#[cfg(test)]
mod model;

pub use crate::{
    collector::SweepReport,
    error::{PruneError, PruneResult},
    forget::{forget, lasts},
    marks::{NeededPacks, mark},
    owners::{Owner, OwnerTree},
    pack_set::PackSet,
    packs::{ListedPack, PackTable},
    plan::{
        GRACE, KeptPacks, NewRecord, PruneOptions, PrunePlan, RecordPlan, RecordStep, WaitedRun, WhyKept,
    },
    reader_hold::{ReaderHold, ReaderHoldState},
    repack::{REPACK_BYTES_MAX, RepackOptions, RepackPlan, RepackReport},
    run::{PruneReport, plan_only, prune},
    shares::{ChunkShares, ChunkSums, HeldChunks, PackSums, chunk_shares, pack_owners, packs_alone},
    survey::{Doubt, Survey, survey},
    undo::undo,
};
