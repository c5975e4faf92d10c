//! Executes the steps of a plan, one after the other.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use icecore_format::{
    directory::PackDirectory,
    error::FormatResult,
    ids::{ChunkId, PackName, RunId},
    keys::Keys,
    layout,
    pack::{FinishedPack, Naming, PackFiller, read_directory_copy, require_all},
    seal::{ObjectKind, Salt},
};
use icecore_store::environment::Entropy;

use super::{
    maintenance::{Maintenance, make_failed},
    plan::{RepairOutcome, RepairPlan, RepairStep, SalvageSource, StoredObject},
};
use crate::{
    error::CheckError,
    events::{CheckEvents, CheckPhase},
    session::compute,
};

impl Maintenance {
    /// Executes a plan. If it fails, the handle still has what was done.
    ///
    /// No step begins after the caller has cancelled. If an object differs from its state in the plan, the
    /// repair ends: plan it again. Whichever call was the last one, readable data stays readable.
    pub async fn execute(
        &mut self,
        plan: &RepairPlan,
        events: &dyn CheckEvents,
        cancel: &AtomicBool,
    ) -> Result<RepairOutcome, CheckError> {
        self.require_known(&plan.condemned)?;
        events.phase_begins(CheckPhase::Repair, Some(plan.steps.len() as u64));
        for step in &plan.steps {
            if cancel.load(Ordering::Relaxed) {
                return Err(CheckError::Cancelled);
            }
            self.proceed().await?;
            self.execute_step(step).await?;
            events.progress(1, 0);
        }
        Ok(self.outcome.clone())
    }

    async fn execute_step(&mut self, step: &RepairStep) -> Result<(), CheckError> {
        match step {
            RepairStep::RebuildDirectory { pack, from, replaced } => {
                self.rebuild_directory(*pack, from, replaced.as_ref()).await
            }
            RepairStep::MovePack { from, to, .. } => self.move_pack(from, to).await,
            RepairStep::RetirePack { sources, retired, .. } => {
                for source in sources {
                    self.salvage(source).await?;
                }
                self.retire(retired).await
            }
            RepairStep::AddParents { run, object, manifest, .. } => self.mend(*run, object, manifest).await,
            RepairStep::RestoreSnapshot { run, replaced, object } => {
                self.copy_aside(replaced).await?;
                self.replace(replaced, object.clone()).await?;
                self.outcome.snapshots_restored.push(*run);
                Ok(())
            }
            RepairStep::RetireSnapshot { run, object } => {
                self.retire(std::slice::from_ref(object)).await?;
                self.outcome.snapshots_lost.push(*run);
                Ok(())
            }
        }
    }

    async fn rebuild_directory(
        &mut self,
        pack: PackName,
        from: &StoredObject,
        replaced: Option<&StoredObject>,
    ) -> Result<(), CheckError> {
        let bytes = self.read(from).await?;
        let (keys, salt, kind) = (Arc::clone(&self.keys), self.salt(), kind_of_pack(&from.key));
        let make = move || read_directory_copy(&keys, kind, &bytes)?.seal(&keys, &salt);
        let made = compute(self.environment.pool.as_deref(), make).await?;
        let object = made.map_err(|source| make_failed(&from.key, source))?;
        match replaced {
            Some(replaced) => {
                self.copy_aside(replaced).await?;
                self.replace(replaced, object.into()).await?;
            }
            None => self.create(&layout::directory_key(pack), object.into()).await?,
        }
        self.outcome.directories_rebuilt += 1;
        Ok(())
    }

    async fn move_pack(&mut self, from: &StoredObject, to: &str) -> Result<(), CheckError> {
        let bytes = self.read(from).await?;
        self.create(to, bytes).await?;
        self.delete(from).await?;
        self.outcome.packs_moved += 1;
        Ok(())
    }

    /// Returns names for the next packs.
    pub(super) fn names(&self) -> Names {
        Names { run: self.run(), next: self.packs, entropy: Arc::clone(&self.environment.entropy) }
    }

    /// Stores chunks of a damaged pack in new packs: data or nodes first, then the directory, as every writer
    /// does.
    async fn salvage(&mut self, source: &SalvageSource) -> Result<(), CheckError> {
        let SalvageSource { object, directory, chunks } = source.clone();
        let bytes = self.read(&object).await?;
        let keys = Arc::clone(&self.keys);
        let mut names = self.names();
        let work = move || {
            let packs = salvage(&keys, &directory, &bytes, &chunks, &mut names)?;
            let seal = |pack: FinishedPack| {
                let object = pack.directory.seal(&keys, &names.salt())?;
                Ok((pack, object))
            };
            packs.into_iter().map(seal).collect::<Result<Vec<_>, _>>()
        };
        let made = compute(self.environment.pool.as_deref(), work).await?;
        self.store_packs(made.map_err(|source| make_failed(&object.key, source))?).await
    }

    /// Stores sealed packs, each before its directory.
    pub(super) async fn store_packs(
        &mut self,
        packs: Vec<(FinishedPack, Vec<u8>)>,
    ) -> Result<(), CheckError> {
        for (pack, sealed) in packs {
            let FinishedPack { bytes, directory } = pack;
            self.packs = self.packs.max(directory.pack.number + 1);
            let key = layout::pack_key(directory.kind, directory.group, directory.pack);
            self.create(&key, bytes.into()).await?;
            self.create(&layout::directory_key(directory.pack), sealed.into()).await?;
            self.outcome.packs_written += 1;
            self.outcome.chunks_kept += directory.chunks.len() as u64;
        }
        Ok(())
    }
}

fn kind_of_pack(key: &str) -> ObjectKind {
    if key.starts_with(layout::MANIFEST_PREFIX) { ObjectKind::Manifest } else { ObjectKind::Data }
}

/// Makes packs of the chunks of a damaged pack that are listed in `wanted`, which is sorted.
///
/// Fails if one of them cannot be read: it was readable when the repair was planned.
fn salvage(
    keys: &Keys,
    directory: &PackDirectory,
    pack: &[u8],
    wanted: &[ChunkId],
    naming: &mut impl Naming,
) -> FormatResult<Vec<FinishedPack>> {
    let mut filler = PackFiller::new(keys, directory.kind, directory.group)?;
    filler.push_pack(directory, pack, |id| wanted.binary_search(id).is_ok(), naming)?;
    let packs = filler.finish()?;
    require_all(wanted, &packs)?;
    Ok(packs)
}

/// Names after those that the repair has used, and salts.
pub(super) struct Names {
    run: RunId,
    next: u32,
    entropy: Arc<dyn Entropy>,
}

impl Naming for Names {
    fn name(&mut self) -> PackName {
        let number = self.next;
        self.next += 1;
        PackName { run: self.run, number }
    }

    fn salt(&mut self) -> Salt {
        let mut salt = Salt::default();
        self.entropy.fill(&mut salt);
        salt
    }
}
