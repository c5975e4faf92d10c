//! Plans how to add directories that a manifest lacks although entries are below them.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use icecore_format::{
    entry::{Entry, EntryKind, Marks, Time},
    header::Header,
    ids::ChunkId,
    layout,
    node::{Child, EncodedNode, Node, NodeItems, OwnerNames},
    path,
    seal::ObjectKind,
};
use icecore_store::ObjectInfo;

use super::{
    plan::{MendedManifest, RepairPlan, RepairStep, StoredObject},
    tree::Tree,
};
use crate::{
    check::Examination,
    error::CheckError,
    inventory::Inventory,
    report::ProblemKind,
    session::{Fetched, Session},
    snapshots::CompleteSnapshot,
};

/// Maximum number of bytes of new nodes in a plan; the next repair handles the snapshots that need more.
const NODE_BYTES_MAX: usize = 256 << 20;
/// Opened blocks that are kept while a manifest is read.
const BLOCKS_KEPT: usize = 4;
/// Permissions of a directory about which nothing is known.
const INVENTED_MODE: u32 = 0o700;

/// Adds the steps for snapshots that lack directories to a plan.
pub(super) async fn plan_parents(
    session: &Session<'_>,
    examination: &Examination,
    listed: &[ObjectInfo],
    plan: &mut RepairPlan,
) -> Result<(), CheckError> {
    if !session.has_reported(ProblemKind::ParentWrong) {
        return Ok(());
    }
    // Without a readable header, the parameters of nodes are unknown.
    let Fetched::Bytes(header) = session.get(layout::HEADER_KEY, None).await? else { return Ok(()) };
    let Ok(header) = Header::open(session.keys(), &header) else { return Ok(()) };
    let mut bytes_left = NODE_BYTES_MAX;
    for snapshot in &examination.snapshots.complete {
        let judged = examination.judged(snapshot.run);
        if judged.is_none_or(|judged| judged.restorable) {
            continue;
        }
        session.fail_if_cancelled()?;
        let key = layout::snapshot_key(snapshot.run);
        let Ok(place) = listed.binary_search_by(|info| info.key.cmp(&key)) else { continue };
        let mut mender =
            Mender::new(session, &examination.inventory, header.parameters.node_items, bytes_left);
        match mender.mend(snapshot).await? {
            Ok(None) => {}
            Ok(Some((manifest, parents))) => {
                bytes_left = bytes_left.saturating_sub(mender.bytes);
                let object = StoredObject::of(&listed[place]);
                plan.steps.push(RepairStep::AddParents { run: snapshot.run, object, parents, manifest });
            }
            Err(reason) => plan.left.push((key, reason)),
        }
    }
    Ok(())
}

/// What is known about the parent of an invented directory.
#[derive(Clone, Default)]
struct Known {
    path: Vec<u8>,
    user_id: u32,
    group_id: u32,
    modified: Time,
    user: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
}

/// Reads a manifest from its first leaf to its last, and builds one that has the missing directories.
struct Mender<'a, 'session> {
    session: &'a Session<'session>,
    inventory: &'a Inventory,
    node_items: u32,
    bytes_max: usize,
    /// Directories around the current position, from the root down.
    open: Vec<Known>,
    /// Path of the entry before.
    last: Option<Vec<u8>>,
    invented: Vec<Vec<u8>>,
    invented_bytes: usize,
    /// Bytes of the nodes that were built, and of the paths that were invented.
    bytes: usize,
    /// Opened blocks: pack, ordinal, plaintext; the newest last.
    blocks: Vec<((u32, usize), Bytes)>,
}

/// A manifest with its invented directories; none if nothing was missing. Or why it cannot be mended.
type Mended = Result<Option<(MendedManifest, Vec<Vec<u8>>)>, String>;

impl<'a, 'session> Mender<'a, 'session> {
    fn new(
        session: &'a Session<'session>,
        inventory: &'a Inventory,
        node_items: u32,
        bytes_max: usize,
    ) -> Self {
        Self {
            session,
            inventory,
            node_items,
            bytes_max,
            open: Vec::new(),
            last: None,
            invented: Vec::new(),
            invented_bytes: 0,
            bytes: 0,
            blocks: Vec::new(),
        }
    }

    async fn mend(&mut self, snapshot: &CompleteSnapshot) -> Result<Mended, CheckError> {
        let completion = &snapshot.completion;
        let mut tree = Tree::new(self.session.share_keys(), self.node_items);
        let mut old = HashSet::from([completion.root_node]);
        let root = Child { last_path: Vec::new(), id: completion.root_node, totals: completion.totals };
        // Nodes that are still to be read, the next one last.
        let mut waiting = vec![(root, completion.root_level)];
        while let Some((child, level)) = waiting.pop() {
            self.session.fail_if_cancelled()?;
            let node = match self.read(&child.id).await? {
                Some(node) if node.level == level => node,
                _ => return Ok(Err("a part of its list of files cannot be read".to_owned())),
            };
            let added = match &node.items {
                NodeItems::Inner(children) => {
                    old.extend(children.iter().map(|child| child.id));
                    waiting
                        .extend(children.iter().rev().map(|child| (child.clone(), level.saturating_sub(1))));
                    Ok(())
                }
                NodeItems::Leaf(entries) => self.add_leaf(&mut tree, &child, &node, entries),
            };
            if let Err(reason) = added {
                return Ok(Err(reason));
            }
            self.bytes = tree.built_bytes() + self.invented_bytes;
            if self.bytes > self.bytes_max {
                let reason = "one repair cannot rewrite that much of its list of files";
                return Ok(Err(reason.to_owned()));
            }
        }
        if self.invented.is_empty() {
            return Ok(Ok(None));
        }
        let Ok((built, root, level)) = tree.finish() else {
            return Ok(Err("its list of files cannot be rebuilt".to_owned()));
        };
        let is_new = |node: &EncodedNode| !old.contains(&node.child.id);
        let nodes = built.into_iter().filter(is_new).map(|node| (node.child.id, node.raw.into())).collect();
        let manifest = MendedManifest { nodes, root: root.id, level, totals: root.totals };
        Ok(Ok(Some((manifest, std::mem::take(&mut self.invented)))))
    }

    /// Adds the entries of a leaf, each after the directories that it needs; adds the leaf itself if nothing
    /// is missing.
    fn add_leaf(
        &mut self,
        tree: &mut Tree,
        child: &Child,
        node: &Node,
        entries: &[Entry],
    ) -> Result<(), String> {
        let failed = |error: icecore_format::error::FormatError| error.to_string();
        let mut added = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            for invented in self.take(entry, node)? {
                added.push((index, invented));
            }
        }
        if added.is_empty() && !entries.is_empty() && tree.push_leaf(child).map_err(failed)? {
            return Ok(());
        }
        let mut added = added.into_iter().peekable();
        for (index, entry) in entries.iter().enumerate() {
            while let Some((_, (invented, known))) = added.next_if(|(at, _)| *at == index) {
                tree.push(&invented, known.user.as_deref(), known.group.as_deref()).map_err(failed)?;
            }
            let (user, group) = (name(&node.users, entry.user_id), name(&node.groups, entry.group_id));
            tree.push(entry, user, group).map_err(failed)?;
        }
        Ok(())
    }

    /// Notes the next entry; returns the directories that must come before it.
    fn take(&mut self, entry: &Entry, node: &Node) -> Result<Vec<(Entry, Known)>, String> {
        let path = entry.path.as_slice();
        if let Some(last) = &self.last
            && !path::compare(last, path).is_lt()
        {
            return Err("its paths are not in order".to_owned());
        }
        while self.open.pop_if(|directory| !path::is_within(path, &directory.path)).is_some() {}
        let mut missing = Vec::new();
        for parent in parents(path) {
            if self.open.iter().any(|directory| directory.path == parent) {
                continue;
            }
            if self.last.as_deref().is_some_and(|last| path::is_within(last, parent)) {
                // An entry with this path, or below it, came before, so the path exists and is not a
                // directory.
                return Err("some entries are below something that is not a directory".to_owned());
            }
            let known = self.open.last().cloned().unwrap_or_default();
            self.invented.push(parent.to_vec());
            self.invented_bytes += parent.len();
            missing.push((invent(parent, &known), known.clone()));
            self.open.push(Known { path: parent.to_vec(), ..known });
        }
        if entry.kind == EntryKind::Directory {
            self.open.push(Known {
                path: path.to_vec(),
                user_id: entry.user_id,
                group_id: entry.group_id,
                modified: entry.modified,
                user: name(&node.users, entry.user_id).map(<[u8]>::to_vec),
                group: name(&node.groups, entry.group_id).map(<[u8]>::to_vec),
            });
        }
        self.last = Some(path.to_vec());
        Ok(missing)
    }

    /// Reads a node from any pack that has it; returns none if no copy can be read.
    async fn read(&mut self, id: &ChunkId) -> Result<Option<Node>, CheckError> {
        let rows: Vec<_> = self
            .inventory
            .table
            .copies(ObjectKind::Manifest, id)
            .filter(|row| self.inventory.is_readable(row))
            .map(|row| (row.pack(), row.position(), row.length()))
            .collect();
        for (pack, position, length) in rows {
            let Some(directory) = self.inventory.packs[pack as usize].directory.clone() else { continue };
            let after = directory.blocks.partition_point(|block| block.first_chunk <= position);
            let Some(ordinal) = after.checked_sub(1) else { continue };
            let block = &directory.blocks[ordinal];
            let before = (position - block.first_chunk) as usize;
            let earlier = &directory.block_chunks(block)[..before];
            let start: usize = earlier.iter().map(|chunk| chunk.length as usize).sum();
            if let Some(plain) = self.open_block(pack, &directory, ordinal).await?
                && let Some(raw) = plain.get(start..start + length as usize)
                && let Ok(node) = Node::decode(raw)
            {
                return Ok(Some(node));
            }
        }
        Ok(None)
    }

    async fn open_block(
        &mut self,
        pack: u32,
        directory: &Arc<icecore_format::directory::PackDirectory>,
        ordinal: usize,
    ) -> Result<Option<Bytes>, CheckError> {
        let place = (pack, ordinal);
        if let Some((_, plain)) = self.blocks.iter().find(|(known, _)| *known == place) {
            return Ok(Some(plain.clone()));
        }
        let block = &directory.blocks[ordinal];
        let range = block.offset..block.offset + u64::from(block.stored_bytes);
        let key = self.inventory.packs[pack as usize].key();
        let Fetched::Bytes(bytes) = self.session.get(&key, Some(range)).await? else { return Ok(None) };
        let (keys, tools, directory) =
            (self.session.share_keys(), self.session.share_tools(), Arc::clone(directory));
        let open = move || {
            let opened = tools.lend(|opener, plain| {
                let key = directory.object_key(&keys)?;
                opener.open(&keys, &key, &directory, ordinal, &bytes, plain)?;
                Ok(Bytes::copy_from_slice(plain))
            });
            opened.flatten().ok()
        };
        let plain = self.session.compute(open).await?;
        if let Some(plain) = &plain {
            if self.blocks.len() == BLOCKS_KEPT {
                self.blocks.remove(0);
            }
            self.blocks.push((place, plain.clone()));
        }
        Ok(plain)
    }
}

/// Returns the directories that contain a path, from the top down, without the root.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| &path[..end])
}

/// Makes the entry of a directory about which only the path is known.
fn invent(path: &[u8], known: &Known) -> Entry {
    Entry {
        mode: INVENTED_MODE,
        user_id: known.user_id,
        group_id: known.group_id,
        modified: known.modified,
        marks: Marks::ATTRIBUTES_INCOMPLETE,
        ..Entry::new(path.to_vec(), EntryKind::Directory)
    }
}

fn name(names: &OwnerNames, id: u32) -> Option<&[u8]> {
    names.get(&id).map(Vec::as_slice)
}
