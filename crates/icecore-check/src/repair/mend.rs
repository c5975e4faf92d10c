//! Stores a manifest with the directories that were missing, and makes the snapshot refer to it.

use std::sync::Arc;

use bytes::Bytes;
use icecore_format::{
    directory::ChunkInfo,
    error::FormatResult,
    ids::{ChunkId, GroupId, RunId},
    keys::Keys,
    layout,
    pack::{FinishedPack, Naming, PackFiller},
    seal::ObjectKind,
    snapshot::{Snapshot, SnapshotState},
};

use super::{
    maintenance::{Maintenance, make_failed},
    plan::{MendedManifest, StoredObject},
};
use crate::{error::CheckError, session::compute};

/// Plaintext of a block of nodes, in bytes.
const BLOCK_BYTES: usize = 512 << 10;

impl Maintenance {
    /// Stores the new nodes, and then makes the snapshot refer to them if it is still in its planned state.
    /// Everything else in it stays.
    pub(super) async fn mend(
        &mut self,
        run: RunId,
        object: &StoredObject,
        manifest: &MendedManifest,
    ) -> Result<(), CheckError> {
        let failed = |source| make_failed(&object.key, source);
        let mut snapshot = Snapshot::open(&self.keys, run, &self.read(object).await?).map_err(failed)?;
        let group = snapshot.origin.group;
        let SnapshotState::Complete(completion) = &mut snapshot.state else {
            return Err(CheckError::Changed { object: layout::snapshot_key(run) });
        };
        let (keys, new) = (Arc::clone(&self.keys), manifest.clone());
        let mut names = self.names();
        let work = move || {
            let packs = pack_nodes(&keys, group, &new, &mut names)?;
            let seal = |pack: FinishedPack| {
                let object = pack.directory.seal(&keys, &names.salt())?;
                Ok((pack, object))
            };
            packs.into_iter().map(seal).collect::<FormatResult<Vec<_>>>()
        };
        let made = compute(self.environment.pool.as_deref(), work).await?;
        self.store_packs(made.map_err(failed)?).await?;
        completion.root_node = manifest.root;
        completion.root_level = manifest.level;
        completion.totals = manifest.totals;
        let sealed = snapshot.seal(&self.keys, &self.salt()).map_err(failed)?;
        self.replace(object, sealed.into()).await?;
        self.outcome.snapshots_mended.push(run);
        Ok(())
    }
}

/// Makes packs of nodes, for snapshots of a group.
fn pack_nodes(
    keys: &Keys,
    group: GroupId,
    manifest: &MendedManifest,
    naming: &mut impl Naming,
) -> FormatResult<Vec<FinishedPack>> {
    let mut filler = PackFiller::new(keys, ObjectKind::Manifest, group)?;
    for nodes in blocks(&manifest.nodes) {
        let chunks: Vec<ChunkInfo> =
            nodes.iter().map(|(id, raw)| ChunkInfo { id: *id, length: raw.len() as u32 }).collect();
        let content = nodes.iter().map(|(_, raw)| &raw[..]).collect::<Vec<_>>().concat();
        filler.push(&chunks, &content, naming)?;
    }
    filler.finish()
}

/// Divides nodes into blocks of about [`BLOCK_BYTES`].
fn blocks(nodes: &[(ChunkId, Bytes)]) -> impl Iterator<Item = &[(ChunkId, Bytes)]> {
    let mut rest = nodes;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let mut is_in = |(_, raw): &(ChunkId, Bytes)| {
            bytes += raw.len();
            bytes <= BLOCK_BYTES
        };
        let count = rest.iter().take_while(|node| is_in(node)).count().max(1).min(rest.len());
        let (block, remaining) = rest.split_at(count);
        rest = remaining;
        (!block.is_empty()).then_some(block)
    })
}
