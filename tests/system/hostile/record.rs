//! Manifest nodes and chunk lists in hand-written CBOR, according to `docs/format.md`: the encoders of the
//! program refuse most of this.

use std::collections::BTreeMap;

use icecore_format::{ids::ChunkId, node::Totals};
use minicbor::Encoder;

/// Kinds of entries, by number.
pub(super) const FILE: u8 = 0;
pub(super) const DIRECTORY: u8 = 1;
pub(super) const SYMLINK: u8 = 2;
pub(super) const FIFO: u8 = 3;
pub(super) const CHARACTER_DEVICE: u8 = 5;

/// Fields of an entry, by number.
pub(super) mod field {
    pub(crate) const MODE: u8 = 1;
    pub(crate) const USER: u8 = 2;
    pub(crate) const MODIFIED: u8 = 4;
    pub(crate) const NANOSECONDS: u8 = 5;
    pub(crate) const INODE: u8 = 8;
    pub(crate) const SIZE: u8 = 9;
    pub(crate) const DEVICE: u8 = 10;
    pub(crate) const LINK_DEVICE: u8 = 11;
    pub(crate) const ATTRIBUTES: u8 = 12;
    pub(crate) const TARGET: u8 = 13;
    pub(crate) const CHUNK_IDS: u8 = 14;
    pub(crate) const CHUNK_LENGTHS: u8 = 15;
    pub(crate) const CHUNK_LIST: u8 = 16;
    pub(crate) const HOLES: u8 = 17;
}

fn encoded(write: impl FnOnce(&mut Encoder<Vec<u8>>)) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder);
    encoder.into_writer()
}

/// Encodes an array of numbers.
pub(super) fn numbers(numbers: &[u64]) -> Vec<u8> {
    encoded(|encoder| {
        encoder.array(numbers.len() as u64).unwrap();
        for number in numbers {
            encoder.u64(*number).unwrap();
        }
    })
}

/// An entry as fields that do not have to match each other.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) path: Vec<u8>,
    kind: u8,
    size: u64,
    fields: BTreeMap<u8, Vec<u8>>,
}

impl Item {
    pub(super) fn new(path: impl AsRef<[u8]>, kind: u8) -> Self {
        let item = Self { path: path.as_ref().to_vec(), kind, size: 0, fields: BTreeMap::new() };
        let mode = if kind == DIRECTORY { 0o755 } else { 0o644 };
        item.number(0, kind.into())
            .number(field::MODE, mode)
            .number(field::MODIFIED, 1_700_000_000)
            .number(6, 1)
    }

    /// A file of one chunk, or of none.
    pub(super) fn file(path: impl AsRef<[u8]>, chunk: Option<(ChunkId, u64)>) -> Self {
        let item = Self::new(path, FILE);
        match chunk {
            None => item,
            Some((id, size)) => item.number(field::SIZE, size).bytes(field::CHUNK_IDS, &id.0),
        }
    }

    pub(super) fn symlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self::new(path, SYMLINK).bytes(field::TARGET, target.as_ref())
    }

    /// A file whose content is a chunk list.
    pub(super) fn list(path: impl AsRef<[u8]>, list: &List) -> Self {
        let reference = encoded(|encoder| {
            encoder.array(4).unwrap().bytes(&list.id.0).unwrap().u8(list.level).unwrap();
            encoder.u64(list.chunks).unwrap().u64(list.bytes).unwrap();
        });
        Self::new(path, FILE).number(field::SIZE, list.bytes).raw(field::CHUNK_LIST, reference)
    }

    pub(super) fn raw(mut self, key: u8, value: Vec<u8>) -> Self {
        self.fields.insert(key, value);
        self
    }

    pub(super) fn number(mut self, key: u8, value: u64) -> Self {
        if key == field::SIZE {
            self.size = value;
        }
        self.raw(
            key,
            encoded(|encoder| {
                encoder.u64(value).unwrap();
            }),
        )
    }

    pub(super) fn signed(self, key: u8, value: i64) -> Self {
        self.raw(
            key,
            encoded(|encoder| {
                encoder.i64(value).unwrap();
            }),
        )
    }

    pub(super) fn bytes(self, key: u8, value: &[u8]) -> Self {
        self.raw(
            key,
            encoded(|encoder| {
                encoder.bytes(value).unwrap();
            }),
        )
    }

    /// This many extended attributes, with names of a few bytes, in order.
    pub(super) fn attributes(self, count: u64) -> Self {
        let map = encoded(|encoder| {
            encoder.map(count).unwrap();
            for number in 0..count {
                let name = format!("user.{number:06}");
                encoder.bytes(&name.as_bytes()[name.len().saturating_sub(11)..]).unwrap().bytes(b"").unwrap();
            }
        });
        self.raw(field::ATTRIBUTES, map)
    }

    /// Makes the entry a member of a link group.
    pub(super) fn linked(self, inode: u64) -> Self {
        self.number(field::LINK_DEVICE, 0).number(field::INODE, inode)
    }

    fn totals(&self) -> Totals {
        let file = self.kind == FILE;
        Totals { entries: 1, files: file.into(), bytes: if file { self.size } else { 0 } }
    }
}

/// A node of a manifest: its bytes, and what a parent says about it.
#[derive(Clone, Debug)]
pub(super) struct NodeBytes {
    pub(super) raw: Vec<u8>,
    pub(super) level: u8,
    pub(super) last_path: Vec<u8>,
    pub(super) totals: Totals,
}

/// Encodes a leaf; paths are not front-coded.
pub(super) fn leaf(items: &[Item]) -> NodeBytes {
    let mut totals = Totals::default();
    let array = encoded(|encoder| {
        encoder.map(2).unwrap().u8(0).unwrap().u8(0).unwrap().u8(1).unwrap();
        encoder.array(items.len() as u64 * 3).unwrap();
        for item in items {
            encoder.u8(0).unwrap().bytes(&item.path).unwrap().map(item.fields.len() as u64).unwrap();
            for (key, value) in &item.fields {
                encoder.u8(*key).unwrap().writer_mut().extend_from_slice(value);
            }
            totals.add(item.totals());
        }
    });
    let last_path = items.last().map(|item| item.path.clone()).unwrap_or_default();
    NodeBytes { raw: [&[1], array.as_slice()].concat(), level: 0, last_path, totals }
}

/// Encodes an inner node of this level over children of any level.
pub(super) fn inner(level: u8, children: &[(ChunkId, NodeBytes)]) -> NodeBytes {
    let mut totals = Totals::default();
    let array = encoded(|encoder| {
        encoder.map(2).unwrap().u8(0).unwrap().u8(level).unwrap().u8(1).unwrap();
        encoder.array(children.len() as u64 * 6).unwrap();
        for (id, child) in children {
            encoder.u8(0).unwrap().bytes(&child.last_path).unwrap().bytes(&id.0).unwrap();
            let Totals { entries, files, bytes } = child.totals;
            encoder.u64(entries).unwrap().u64(files).unwrap().u64(bytes).unwrap();
            totals.add(child.totals);
        }
    });
    let last_path = children.last().map(|(_, child)| child.last_path.clone()).unwrap_or_default();
    NodeBytes { raw: [&[1], array.as_slice()].concat(), level, last_path, totals }
}

/// A reference to a chunk list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) id: ChunkId,
    pub(super) level: u8,
    pub(super) chunks: u64,
    pub(super) bytes: u64,
}

/// Encodes a node of a chunk list: ids, lengths and, in inner nodes, numbers of chunks.
pub(super) fn list_node(level: u8, items: &[(ChunkId, u64, u64)]) -> Vec<u8> {
    let ids: Vec<u8> = items.iter().flat_map(|(id, ..)| id.0).collect();
    let lengths: Vec<u64> = items.iter().map(|(_, length, _)| *length).collect();
    let counts: Vec<u64> = items.iter().map(|(_, _, chunks)| *chunks).collect();
    let record = encoded(|encoder| {
        encoder.map(if level > 0 { 4 } else { 3 }).unwrap().u8(0).unwrap().u8(level).unwrap();
        encoder.u8(1).unwrap().bytes(&ids).unwrap();
        encoder.u8(2).unwrap().writer_mut().extend(numbers(&lengths));
        if level > 0 {
            encoder.u8(3).unwrap().writer_mut().extend(numbers(&counts));
        }
    });
    [&[2], record.as_slice()].concat()
}
