//! The run that copies chunks into new packs.

use std::collections::{BTreeMap, HashSet};

use icecore_catalog::Catalog;
use icecore_format::{
    directory::PackDirectory,
    ids::{ChunkId, GroupId, PackName, RunId},
    layout::{directory_key, pack_key},
    pack::{FinishedPack, Naming, PackFiller},
    seal::{ObjectKind, Salt},
};
use icecore_repo::{environment::Environment, error::RepoError, lease::Lease, repository::Repository};
use icecore_store::{StoreError, store::PutCondition};

use super::{RepackPlan, RepackReport, verified};
use crate::{error::PruneResult, live::LiveChunks, survey::Survey};

/// Copies what snapshots need of the planned packs into new ones, in a run that was announced for it. A pack
/// that cannot be read is left out.
pub(crate) fn rewrite(
    repository: &Repository,
    catalog: &mut Catalog,
    lease: &mut Lease,
    survey: &Survey,
    plan: &RepackPlan,
    live: &LiveChunks,
) -> PruneResult<RepackReport> {
    let mut groups: BTreeMap<(u8, GroupId), (ObjectKind, Vec<PackDirectory>)> = BTreeMap::new();
    for name in &plan.packs {
        let Some(directory) = catalog.directory(*name)? else { continue };
        let of_group = groups.entry((directory.kind as u8, directory.group));
        of_group.or_insert_with(|| (directory.kind, Vec::new())).1.push(directory);
    }
    let run = lease.snapshot().origin.run;
    let mut rewriter = Rewriter {
        repository,
        names: Names::new(run, repository.environment()),
        report: RepackReport::default(),
    };
    for ((_, group), (kind, directories)) in groups {
        rewriter.group(lease, survey, live, kind, group, directories)?;
    }
    rewriter.report.packs.extend(&plan.superfluous);
    rewriter.report.packs.sort_unstable();
    Ok(rewriter.report)
}

struct Rewriter<'a> {
    repository: &'a Repository,
    names: Names<'a>,
    report: RepackReport,
}

impl Rewriter<'_> {
    fn group(
        &mut self,
        lease: &mut Lease,
        survey: &Survey,
        live: &LiveChunks,
        kind: ObjectKind,
        group: GroupId,
        directories: Vec<PackDirectory>,
    ) -> PruneResult<()> {
        let keys = self.repository.keys();
        let mut filler = PackFiller::new(keys, kind, group).map_err(RepoError::from)?;
        // Several of the packs may hold copies of the same chunk.
        let mut stored: HashSet<ChunkId> = HashSet::new();
        let mut copied = Vec::new();
        for directory in directories {
            lease.refresh_if_due()?;
            let Some(bytes) = verified::read(self.repository, &survey.packs, &directory)? else { continue };
            let chunks = directory.chunks.iter().map(|chunk| chunk.id).filter(|id| live.is_live(id));
            let wanted: HashSet<ChunkId> = chunks.filter(|id| !stored.contains(id)).collect();
            filler
                .push_pack(&directory, &bytes, |id| wanted.contains(id), &mut self.names)
                .map_err(RepoError::from)?;
            self.report.bytes_read += bytes.len() as u64;
            stored.extend(wanted);
            copied.push(directory);
            let full = filler.take_full();
            self.store(full)?;
        }
        let last = filler.finish().map_err(RepoError::from)?;
        self.store(last)?;
        self.report.packs.extend(copied.into_iter().map(|directory| directory.pack));
        Ok(())
    }

    /// Stores packs, each before its directory.
    fn store(&mut self, packs: Vec<FinishedPack>) -> PruneResult<()> {
        for FinishedPack { bytes, directory } in packs {
            let sealed =
                directory.seal(self.repository.keys(), &self.names.salt()).map_err(RepoError::from)?;
            self.report.packs_written += 1;
            self.report.bytes_written += (bytes.len() + sealed.len()) as u64;
            self.put(&pack_key(directory.kind, directory.group, directory.pack), bytes)?;
            self.put(&directory_key(directory.pack), sealed)?;
        }
        Ok(())
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> PruneResult<()> {
        let put = self.repository.store().put(key, bytes.into(), PutCondition::Absent);
        match self.repository.environment().runtime.block_on(put) {
            // The names are of this run alone: an answer was lost.
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(RepoError::from(error).into()),
        }
    }
}

/// Names of the packs of a run, and salts.
struct Names<'a> {
    run: RunId,
    next: u32,
    environment: &'a Environment,
}

impl<'a> Names<'a> {
    fn new(run: RunId, environment: &'a Environment) -> Self {
        Self { run, next: 0, environment }
    }
}

impl Naming for Names<'_> {
    fn name(&mut self) -> PackName {
        let number = self.next;
        self.next += 1;
        PackName { run: self.run, number }
    }

    fn salt(&mut self) -> Salt {
        self.environment.salt()
    }
}
