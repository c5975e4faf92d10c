//! Examines one decoded node: what it refers to, and whether that exists. Pure, runs on the pool.

use std::sync::Arc;

use icecore_format::{
    chunk_list::ChunkListNode,
    entry::{ChunkListRef, ChunkRef, Content, Entry, EntryKind},
    error::{FormatError, FormatResult},
    ids::{ChunkId, GroupId},
    node::{Child, Node, NodeItems, Totals},
    seal::ObjectKind,
};

use crate::{
    damage::Damage,
    inventory::{Availability, Inventory},
    lineage::{Lineage, Orphaned},
    link_member::LinkMember,
    report::EXAMPLES_MAX,
};

/// How to read a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    /// A node of a manifest.
    Manifest,
    /// A node of the chunk list with this reference.
    List(ChunkListRef),
}

/// Result of examining a node.
#[derive(Debug)]
pub(crate) enum Examined {
    /// An inner node of a manifest.
    Inner(Summary, Vec<Child>),
    /// A leaf of a manifest.
    Leaf(Summary, Box<Leaf>),
    /// An inner node of a chunk list.
    ListInner(Vec<ChunkListRef>),
    /// A leaf of a chunk list.
    ListLeaf(Box<ChunkFindings>),
    /// It does not have the form that it must have.
    Malformed(FormatError),
}

/// What a manifest node says about everything below it.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Height above the leaves.
    pub(crate) level: u8,
    /// Totals.
    pub(crate) totals: Totals,
    /// Last path; none for an empty leaf.
    pub(crate) last_path: Option<Vec<u8>>,
}

/// What was found in a manifest leaf.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    /// Files with a chunk list.
    pub(crate) lists: Vec<(ChunkListRef, Arc<[u8]>)>,
    /// Entries that are one of several hard links.
    pub(crate) links: Vec<LinkMember>,
    /// Files with damaged chunks.
    pub(crate) damage: Damage,
    /// Ancestors that the entries need and provide; none for an empty leaf.
    pub(crate) lineage: Option<Lineage>,
    /// A path that has entries below it but is not a directory, whatever is in other leaves.
    pub(crate) orphaned: Option<Orphaned>,
    /// Problems with chunks that were not reported before.
    pub(crate) chunks: ChunkFindings,
}

/// A chunk with a wrong reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChunkTrouble {
    /// Id of the chunk.
    pub(crate) id: ChunkId,
    /// Length in the reference, in bytes.
    pub(crate) length: u32,
    /// Length of the chunk in the directories, in bytes; none if it is in none.
    pub(crate) found: Option<u32>,
    /// Path of the file; none if only its chunk list is known.
    pub(crate) path: Option<Arc<[u8]>>,
}

/// Problems with the chunks of one node.
#[derive(Debug, Default)]
pub(crate) struct ChunkFindings {
    /// Damaged packs that hold chunks, and whether anything is damaged at all.
    pub(crate) damage: Damage,
    /// Chunks that no directory has with this length, at most [`EXAMPLES_MAX`].
    pub(crate) troubles: Vec<ChunkTrouble>,
    /// References to chunks that are in no pack of the group that they are restricted to, by group.
    pub(crate) outside: Vec<(GroupId, u64)>,
}

/// Decodes and examines a node.
pub(crate) fn examine(inventory: &Inventory, reading: Reading, scopes: &[GroupId], raw: &[u8]) -> Examined {
    let examined = match reading {
        Reading::Manifest => Node::decode(raw).map(|node| examine_manifest(inventory, scopes, node)),
        Reading::List(list) => examine_list(inventory, scopes, raw, &list),
    };
    examined.unwrap_or_else(Examined::Malformed)
}

fn examine_manifest(inventory: &Inventory, scopes: &[GroupId], node: Node) -> Examined {
    let (level, totals) = (node.level, node.totals());
    let summary = Summary { level, totals, last_path: node.last_path().map(<[u8]>::to_vec) };
    match node.items {
        NodeItems::Inner(children) => Examined::Inner(summary, children),
        NodeItems::Leaf(entries) => {
            Examined::Leaf(summary, Box::new(examine_entries(inventory, scopes, &entries)))
        }
    }
}

fn examine_list(
    inventory: &Inventory,
    scopes: &[GroupId],
    raw: &[u8],
    list: &ChunkListRef,
) -> FormatResult<Examined> {
    Ok(match ChunkListNode::decode(raw, list)? {
        ChunkListNode::Inner(nodes) => Examined::ListInner(nodes),
        ChunkListNode::Leaf(chunks) => {
            let mut findings = ChunkFindings::default();
            findings.damage.is_broken = findings.examine(inventory, scopes, &chunks, None);
            Examined::ListLeaf(Box::new(findings))
        }
    })
}

fn examine_entries(inventory: &Inventory, scopes: &[GroupId], entries: &[Entry]) -> Leaf {
    let (lineage, orphaned) = Lineage::of(entries);
    let mut leaf = Leaf { lineage, orphaned, ..Leaf::default() };
    leaf.links.extend(entries.iter().filter_map(LinkMember::of));
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::File) {
        match &entry.content {
            Content::Inline(chunks) => {
                if leaf.chunks.examine(inventory, scopes, chunks, Some(&entry.path)) {
                    leaf.damage.add_file(entry.path.as_slice().into());
                }
            }
            Content::List(list) => leaf.lists.push((*list, entry.path.as_slice().into())),
        }
    }
    leaf.damage.add_packs(&leaf.chunks.damage.packs);
    leaf
}

impl ChunkFindings {
    /// Looks for the chunks of one file; returns whether any cannot be read.
    fn examine(
        &mut self,
        inventory: &Inventory,
        scopes: &[GroupId],
        chunks: &[ChunkRef],
        path: Option<&[u8]>,
    ) -> bool {
        let mut damaged = false;
        for &ChunkRef { id, length } in chunks.iter().filter(|chunk| !chunk.is_hole()) {
            let found = match inventory.locate(ObjectKind::Data, &id, length) {
                Availability::Present => {
                    self.count_outside(inventory, scopes, &id);
                    continue;
                }
                Availability::Lost(packs) => {
                    self.damage.add_packs(&packs);
                    damaged = true;
                    continue;
                }
                Availability::WrongLength(found) => Some(found),
                Availability::Missing => None,
            };
            damaged = true;
            if self.troubles.len() < EXAMPLES_MAX {
                self.troubles.push(ChunkTrouble { id, length, found, path: path.map(Arc::from) });
            }
        }
        damaged
    }

    fn count_outside(&mut self, inventory: &Inventory, scopes: &[GroupId], id: &ChunkId) {
        for &scope in scopes {
            if inventory.is_in_group(ObjectKind::Data, id, scope) {
                continue;
            }
            match self.outside.iter_mut().find(|(group, _)| *group == scope) {
                Some((_, count)) => *count += 1,
                None => self.outside.push((scope, 1)),
            }
        }
    }
}
