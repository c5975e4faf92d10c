//! Manifest nodes: the sorted map path → entry as a content-defined B-tree (prolly tree).
//!
//! The keyed hash of a path decides where a node ends. Therefore equal entries give equal nodes, regardless
//! of history.

use std::collections::BTreeMap;

use minicbor::{Decoder, Encoder};

use crate::{
    cbor::{MemoryEncoder, array_length, map_length},
    entry::{Entry, EntryKind},
    error::{FormatError, FormatResult},
    ids::ChunkId,
    keys::Keys,
    limits::{
        NODE_ATTRIBUTES_MAX, NODE_ITEMS_MAX, NODE_LEVEL_MAX, NODE_PATH_BYTES_MAX, PATH_BYTES_MAX,
        TEXT_BYTES_MAX,
    },
    path,
};

const WHAT: &str = "manifest node";
/// First raw byte of every manifest node.
pub(crate) const NODE_TYPE: u8 = 1;
/// A leaf with this raw length in bytes ends regardless of the hash; the path of its first entry does not
/// count.
const NODE_BYTES_SOFT_MAX: usize = 64 << 10;
/// A node whose paths, written out, have this length in bytes ends regardless of the hash.
const NODE_PATH_BYTES_SOFT_MAX: usize = 1 << 20;
/// A node with this many items ends regardless of the hash.
const NODE_ITEMS_SOFT_MAX: usize = 1 << 10;

/// Names of numeric ids, by id.
pub type OwnerNames = BTreeMap<u32, Vec<u8>>;

/// Sums over a subtree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of entries of all kinds.
    pub entries: u64,
    /// Number of regular files.
    pub files: u64,
    /// Sum of the sizes of regular files in bytes.
    pub bytes: u64,
}

impl Totals {
    /// Returns the totals of one entry.
    pub fn of(entry: &Entry) -> Self {
        let file = entry.kind == EntryKind::File;
        Self { entries: 1, files: file.into(), bytes: if file { entry.size } else { 0 } }
    }

    /// Adds other totals; sums of hostile numbers saturate at the largest number.
    pub fn add(&mut self, other: Self) {
        self.entries = self.entries.saturating_add(other.entries);
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A child of an inner node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Path of the last entry below the child.
    pub last_path: Vec<u8>,
    /// Id of the child.
    pub id: ChunkId,
    /// Totals of everything below the child.
    pub totals: Totals,
}

/// Items of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeItems {
    /// Entries, sorted by path.
    Leaf(Vec<Entry>),
    /// Children, sorted by path.
    Inner(Vec<Child>),
}

/// A decoded manifest node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Height above the leaves, which have level 0.
    pub level: u8,
    /// Entries or children.
    pub items: NodeItems,
    /// Known names of the users that own entries of this leaf.
    pub users: OwnerNames,
    /// Known names of the groups that own entries of this leaf.
    pub groups: OwnerNames,
}

/// An encoded node, ready to be stored as a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedNode {
    /// Raw bytes of the chunk.
    pub raw: Vec<u8>,
    /// Reference to the node, for its parent.
    pub child: Child,
}

/// Collects the items of the nodes on one level of the tree, one node after the other.
#[derive(Debug)]
pub struct NodeBuilder {
    level: u8,
    border_threshold: u32,
    items: MemoryEncoder,
    count: usize,
    last_path: Vec<u8>,
    /// Bytes of all paths, written out.
    path_bytes: usize,
    /// Bytes of the first path, which shares nothing with another.
    first_path_bytes: usize,
    totals: Totals,
    users: OwnerNames,
    groups: OwnerNames,
}

impl NodeBuilder {
    /// Makes a builder for nodes of `level` with `items_average` items on average.
    pub fn new(level: u8, items_average: u32) -> Self {
        Self {
            level,
            border_threshold: u32::MAX / items_average.max(2),
            items: Encoder::new(Vec::new()),
            count: 0,
            last_path: Vec::new(),
            path_bytes: 0,
            first_path_bytes: 0,
            totals: Totals::default(),
            users: OwnerNames::new(),
            groups: OwnerNames::new(),
        }
    }

    /// Returns whether nothing has been added since the last node was finished.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds an entry to a leaf, with the names of its owners if known; returns whether the node ends here.
    ///
    /// # Panics
    /// When the paths of the entries are not strictly ascending: every reader relies on the stored order.
    pub fn push_entry(
        &mut self,
        keys: &Keys,
        entry: &Entry,
        user: Option<&[u8]>,
        group: Option<&[u8]>,
    ) -> FormatResult<bool> {
        assert!(self.level == 0, "entries belong into leaves");
        self.begin_item(&entry.path)?;
        entry.encode(&mut self.items)?;
        for (names, id, name) in
            [(&mut self.users, entry.user_id, user), (&mut self.groups, entry.group_id, group)]
        {
            if let Some(name) = name
                && name.len() <= TEXT_BYTES_MAX
                && !names.contains_key(&id)
            {
                names.insert(id, name.to_vec());
            }
        }
        self.totals.add(Totals::of(entry));
        Ok(self.ends_here(keys))
    }

    /// Adds a child to an inner node; returns whether the node ends here.
    ///
    /// # Panics
    /// When the paths of the children are not strictly ascending.
    pub fn push_child(&mut self, keys: &Keys, child: &Child) -> FormatResult<bool> {
        assert!(self.level > 0, "children belong into inner nodes");
        self.begin_item(&child.last_path)?;
        let Totals { entries, files, bytes } = child.totals;
        self.items.bytes(&child.id.0)?.u64(entries)?.u64(files)?.u64(bytes)?;
        self.totals.add(child.totals);
        Ok(self.ends_here(keys))
    }

    fn begin_item(&mut self, item_path: &[u8]) -> FormatResult<()> {
        let shared = if self.count == 0 {
            self.first_path_bytes = item_path.len();
            0
        } else {
            assert!(path::compare(&self.last_path, item_path).is_lt(), "manifest items come in order");
            path::shared_prefix(&self.last_path, item_path)
        };
        self.items.u64(shared as u64)?.bytes(&item_path[shared..])?;
        self.last_path.truncate(shared);
        self.last_path.extend_from_slice(&item_path[shared..]);
        self.path_bytes += item_path.len();
        self.count += 1;
        Ok(())
    }

    fn ends_here(&self, keys: &Keys) -> bool {
        // Inner nodes with a single child each would create levels without end.
        let large = if self.level == 0 {
            self.items.writer().len() - self.first_path_bytes >= NODE_BYTES_SOFT_MAX
                || self.path_bytes >= NODE_PATH_BYTES_SOFT_MAX
        } else {
            self.count > 1 && self.path_bytes >= NODE_PATH_BYTES_SOFT_MAX
        };
        large
            || self.count >= NODE_ITEMS_SOFT_MAX
            || keys.border_bits(self.level, &self.last_path) < self.border_threshold
    }

    /// Finishes the node of the items added so far and begins the next one.
    pub fn finish(&mut self, keys: &Keys) -> FormatResult<EncodedNode> {
        let fields = 2 + u64::from(!self.users.is_empty()) + u64::from(!self.groups.is_empty());
        let mut encoder = Encoder::new(Vec::with_capacity(self.items.writer().len() + 64));
        encoder.writer_mut().push(NODE_TYPE);
        encoder.map(fields)?.u8(0)?.u8(self.level)?;
        for (key, names) in [(2, &self.users), (3, &self.groups)] {
            if !names.is_empty() {
                encoder.u8(key)?.map(names.len() as u64)?;
                for (id, name) in names {
                    encoder.u32(*id)?.bytes(name)?;
                }
            }
        }
        let fields_each = if self.level == 0 { 3 } else { 6 };
        encoder.u8(1)?.array(self.count as u64 * fields_each)?;
        let mut raw = encoder.into_writer();
        raw.extend_from_slice(self.items.writer());
        let child = Child {
            last_path: std::mem::take(&mut self.last_path),
            id: keys.node_id(&raw),
            totals: self.totals,
        };
        self.items.writer_mut().clear();
        (self.count, self.path_bytes) = (0, 0);
        self.totals = Totals::default();
        self.users.clear();
        self.groups.clear();
        Ok(EncodedNode { raw, child })
    }
}

impl Node {
    /// Decodes a node and checks every rule of the format that concerns the node alone.
    pub fn decode(raw: &[u8]) -> FormatResult<Self> {
        let Some((&NODE_TYPE, record)) = raw.split_first() else {
            return Err(FormatError::malformed(WHAT, "it is not a manifest node"));
        };
        let mut decoder = Decoder::new(record);
        let (mut level, mut items) = (None, None);
        let (mut users, mut groups) = (OwnerNames::new(), OwnerNames::new());
        for _ in 0..map_length(&mut decoder, "fields of a node", 256)? {
            match decoder.u64()? {
                0 => level = Some(decoder.u8()?),
                1 => match level {
                    None => return Err(FormatError::malformed(WHAT, "items come before the level")),
                    Some(0) => items = Some(decode_leaf(&mut decoder)?),
                    Some(_) => items = Some(decode_inner(&mut decoder)?),
                },
                2 => users = decode_names(&mut decoder)?,
                3 => groups = decode_names(&mut decoder)?,
                _ => decoder.skip()?,
            }
        }
        let (Some(level), Some(items)) = (level, items) else {
            return Err(FormatError::malformed(WHAT, "level or items are missing"));
        };
        if level > NODE_LEVEL_MAX || decoder.position() != record.len() {
            return Err(FormatError::malformed(WHAT, "the level is too high, or bytes follow the record"));
        }
        Ok(Self { level, items, users, groups })
    }

    /// Returns the totals of everything below the node.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        match &self.items {
            NodeItems::Leaf(entries) => entries.iter().for_each(|entry| totals.add(Totals::of(entry))),
            NodeItems::Inner(children) => children.iter().for_each(|child| totals.add(child.totals)),
        }
        totals
    }

    /// Returns the path of the last entry below the node; none for an empty leaf.
    pub fn last_path(&self) -> Option<&[u8]> {
        match &self.items {
            NodeItems::Leaf(entries) => entries.last().map(|entry| entry.path.as_slice()),
            NodeItems::Inner(children) => children.last().map(|child| child.last_path.as_slice()),
        }
    }
}

/// Reads the front-coded path of the next item and checks that paths ascend.
fn decode_path(decoder: &mut Decoder<'_>, previous: Option<&[u8]>) -> FormatResult<Vec<u8>> {
    let shared = decoder.u64()?;
    let suffix = decoder.bytes()?;
    let before = previous.unwrap_or_default();
    let Some(prefix) = usize::try_from(shared).ok().and_then(|shared| before.get(..shared)) else {
        return Err(FormatError::malformed(WHAT, "a path shares more bytes than the path before it has"));
    };
    if prefix.len() + suffix.len() > PATH_BYTES_MAX {
        return Err(FormatError::malformed(WHAT, "a path is too long"));
    }
    let mut item_path = Vec::with_capacity(prefix.len() + suffix.len());
    item_path.extend_from_slice(prefix);
    item_path.extend_from_slice(suffix);
    if previous.is_some_and(|previous| path::compare(previous, &item_path).is_ge()) {
        return Err(FormatError::malformed(WHAT, "paths are repeated or not sorted"));
    }
    Ok(item_path)
}

/// Limits the expansion of front-coded paths.
fn count_path_bytes(path_bytes: &mut usize, item_path: &[u8]) -> FormatResult<()> {
    *path_bytes += item_path.len();
    if *path_bytes > NODE_PATH_BYTES_MAX {
        return Err(FormatError::malformed(WHAT, "its paths are too long in total"));
    }
    Ok(())
}

fn item_count(decoder: &mut Decoder<'_>, fields_each: usize) -> FormatResult<usize> {
    let numbers = array_length(decoder, "number of items of a node", NODE_ITEMS_MAX * fields_each)?;
    if numbers.is_multiple_of(fields_each) {
        Ok(numbers / fields_each)
    } else {
        Err(FormatError::malformed(WHAT, "an item is incomplete"))
    }
}

fn decode_leaf(decoder: &mut Decoder<'_>) -> FormatResult<NodeItems> {
    let mut entries: Vec<Entry> = Vec::new();
    let (mut path_bytes, mut attributes) = (0, 0);
    for _ in 0..item_count(decoder, 3)? {
        let item_path = decode_path(decoder, entries.last().map(|entry| entry.path.as_slice()))?;
        count_path_bytes(&mut path_bytes, &item_path)?;
        let entry = Entry::decode(item_path, decoder)?;
        attributes += entry.attributes.len();
        if attributes > NODE_ATTRIBUTES_MAX {
            return Err(FormatError::malformed(WHAT, "it has too many extended attributes in total"));
        }
        entries.push(entry);
    }
    Ok(NodeItems::Leaf(entries))
}

fn decode_inner(decoder: &mut Decoder<'_>) -> FormatResult<NodeItems> {
    let mut children: Vec<Child> = Vec::new();
    let mut path_bytes = 0;
    for _ in 0..item_count(decoder, 6)? {
        let last_path = decode_path(decoder, children.last().map(|child| child.last_path.as_slice()))?;
        count_path_bytes(&mut path_bytes, &last_path)?;
        path::validate(&last_path)?;
        let id = ChunkId::from_slice(decoder.bytes()?)?;
        let totals = Totals { entries: decoder.u64()?, files: decoder.u64()?, bytes: decoder.u64()? };
        children.push(Child { last_path, id, totals });
    }
    if children.is_empty() {
        return Err(FormatError::malformed(WHAT, "an inner node has no children"));
    }
    Ok(NodeItems::Inner(children))
}

fn decode_names(decoder: &mut Decoder<'_>) -> FormatResult<OwnerNames> {
    let mut names = OwnerNames::new();
    for _ in 0..map_length(decoder, "number of owner names", NODE_ITEMS_MAX)? {
        let (id, name) = (decoder.u32()?, decoder.bytes()?);
        if name.len() > TEXT_BYTES_MAX {
            return Err(FormatError::malformed(WHAT, "the name of an owner is too long"));
        }
        names.insert(id, name.to_vec());
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
