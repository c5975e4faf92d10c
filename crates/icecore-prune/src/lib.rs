//! Decides which packs nothing needs, and removes them beside running backups: collections, their protocol
//! and its model.
//!
//! Architecture invariants: only this crate deletes packs because nothing needs them (a repair deletes what
//! it has put into quarantine); it deletes nothing that is not named in a record which every writer obeys; no
//! decision to delete depends on a clock, on the catalogue, or on what another host says that it proved.

mod chunk_packs;
mod error;
mod kept_sets;
mod marks;
mod pack_set;
mod packs;
mod survey;

#[cfg(test)]
mod bed;
#[cfg(test)]
mod model;

pub use crate::{
    error::{PruneError, PruneResult},
    marks::{Marks, mark},
    pack_set::PackSet,
    packs::{ListedPack, PackTable},
    survey::{Doubt, Survey, survey},
};
