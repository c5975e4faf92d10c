//! Repacking: what snapshots need of packs that are mostly dead, or tiny, goes into new packs.
//!
//! A repack is a run with a name of its own. It copies chunks, and removes nothing: a collection condemns the
//! old packs afterwards, and sweeps them only after it has proved that other packs hold good copies (decision
//! 0026).

mod choice;
mod proof;
mod rewrite;
mod verified;

use icecore_catalog::Catalog;
use icecore_format::{ids::PackName, snapshot::Snapshot};
use icecore_repo::repository::Repository;

pub(crate) use self::{proof::unproven, rewrite::rewrite};
use crate::{
    error::PruneResult,
    live::LiveChunks,
    survey::{Survey, is_pending},
};

/// What may be repacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepackOptions {
    /// Most bytes of packs that are read; 0 repacks nothing.
    pub bytes_max: u64,
    /// Whether to look for such packs in any case. Else it is done only if a snapshot was forgotten since the
    /// last collection, because every manifest is read.
    pub is_asked: bool,
}

/// Bytes that are read unless somebody chooses another number.
pub const REPACK_BYTES_MAX: u64 = 16 << 30;

/// What would be repacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepackPlan {
    /// The packs, by name.
    pub packs: Vec<PackName>,
    /// Their length in bytes, with their directories: it is read, and free afterwards.
    pub bytes: u64,
    /// Bytes that are written, about.
    pub bytes_needed: u64,
    /// Packs of which all that is needed is in other packs already.
    pub superfluous: Vec<PackName>,
    /// Packs that would be worth it, beyond the limit of bytes.
    pub packs_later: usize,
}

/// What was repacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepackReport {
    /// Packs of which everything that is needed is in other packs now, by name.
    pub packs: Vec<PackName>,
    /// Bytes of packs that were read.
    pub bytes_read: u64,
    /// Packs that were written.
    pub packs_written: usize,
    /// Their length in bytes, with their directories.
    pub bytes_written: u64,
}

/// Finds the packs that are worth repacking; nothing if there is no reason to look.
pub(crate) fn find(
    repository: &Repository,
    catalog: &mut Catalog,
    survey: &Survey,
    options: &RepackOptions,
) -> PruneResult<Option<(RepackPlan, LiveChunks)>> {
    if options.bytes_max == 0 || !survey.doubts.is_empty() {
        return Ok(None);
    }
    if !options.is_asked && !choice::may_be_worth_it(catalog, survey)? {
        return Ok(None);
    }
    let complete: Vec<&Snapshot> = survey.snapshots.complete(None).collect();
    let live = LiveChunks::find(repository, catalog, &survey.packs, &complete)?;
    let plan = choice::choose(catalog, survey, &live, options.bytes_max)?;
    Ok(Some((plan, live)))
}

impl RepackPlan {
    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.superfluous.is_empty()
    }
}

/// Returns whether a run is in progress, so that its packs are left alone.
fn is_in_progress(survey: &Survey, pack: PackName) -> bool {
    survey.snapshots.by_run(pack.run).is_some_and(is_pending)
}

#[cfg(test)]
mod tests;
