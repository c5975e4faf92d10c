//! Manifests and chunk lists with a wrong shape, and trees that are very deep or very large.

use icecore_format::{
    entry::{Entry, EntryKind},
    ids::ChunkId,
    node::{Child, NodeBuilder},
};

use super::{
    Cell,
    forge::{Forge, Root},
    record::{DIRECTORY, FILE, Item, List, NodeBytes, field, inner, leaf},
    run_all,
};

fn root_item() -> Item {
    Item::new("", DIRECTORY)
}

/// Stores a leaf and returns it as a child.
fn child(forge: &mut Forge<'_>, items: &[Item]) -> (ChunkId, NodeBytes) {
    let node = leaf(items);
    (forge.node(&node.raw), node)
}

/// Completes a snapshot with a root of this level over two leaves.
fn over_two_leaves(forge: &mut Forge<'_>, level: u8, change: impl FnOnce(&mut [(ChunkId, NodeBytes); 2])) {
    let mut children = [
        child(forge, &[root_item(), Item::file("a", None)]),
        child(forge, &[Item::file("b", None), Item::file("file", None)]),
    ];
    change(&mut children);
    let node = inner(level, &children);
    let root = forge.root(&node);
    forge.complete(root);
}

#[test]
fn nodes_that_lie() {
    run_all(&[
        Cell {
            name: "nothing but an unusual shape",
            forge: |forge| over_two_leaves(forge, 1, |_| {}),
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell::refused("a child two levels below", |forge| over_two_leaves(forge, 2, |_| {}), "level"),
        Cell {
            // The snapshot is missing; the one before it exists.
            restore: 0,
            ..Cell::refused("a level beyond", |forge| over_two_leaves(forge, 16, |_| {}), "level")
        },
        Cell::refused(
            "the same child twice",
            |forge| over_two_leaves(forge, 1, |children| children[1] = children[0].clone()),
            "not sorted",
        ),
        Cell::refused(
            "a last path that lies",
            |forge| over_two_leaves(forge, 1, |children| children[1].1.last_path = b"zzz".to_vec()),
            "last path",
        ),
        Cell::refused(
            "totals of a child that lie",
            |forge| over_two_leaves(forge, 1, |children| children[1].1.totals.bytes = 1 << 63),
            "totals",
        ),
        Cell::refused(
            "an empty inner node",
            |forge| {
                let mut root = forge.root(&inner(1, &[]));
                root.totals.entries = 0;
                forge.complete(root);
            },
            "no children",
        ),
        Cell {
            name: "no entry at all",
            forge: |forge| {
                let root = forge.root(&leaf(&[]));
                forge.complete(root);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell {
            name: "no root directory",
            forge: |forge| {
                let root = forge.root(&leaf(&[Item::file("file", None)]));
                forge.complete(root);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell::refused(
            "a root that is a file",
            |forge| {
                let root = forge.root(&leaf(&[Item::new("", FILE)]));
                forge.complete(root);
            },
            "the root is not a directory",
        ),
    ]);
}

#[test]
fn roots_that_lie() {
    run_all(&[
        Cell {
            // Its content is a manifest node, stored and found under its id as a chunk of a file.
            restore: 0,
            ..Cell::refused(
                "a data chunk",
                |forge| {
                    let (id, _) = forge.chunk(&leaf(&[root_item()]).raw);
                    let totals = leaf(&[root_item()]).totals;
                    forge.complete(Root { node: id, level: 0, totals });
                },
                "",
            )
        },
        Cell::refused(
            "a node that is nowhere",
            |forge| {
                let totals = leaf(&[root_item()]).totals;
                forge.complete(Root { node: ChunkId([9; ChunkId::BYTES]), level: 0, totals });
            },
            "is not in any pack of the repository",
        ),
        Cell::refused(
            "another level",
            |forge| {
                let mut root = forge.root(&leaf(&[root_item()]));
                root.level = 7;
                forge.complete(root);
            },
            "level",
        ),
        Cell {
            name: "a level that cannot be",
            forge: |forge| {
                let mut root = forge.root(&leaf(&[root_item()]));
                root.level = 255;
                forge.complete(root);
            },
            // The snapshot is missing; the one before it exists.
            restore: 0,
            check: 20,
            says: "level of the root node is too high",
            opens: true,
        },
    ]);
}

/// Completes a snapshot of a file with this list.
fn file_of(forge: &mut Forge<'_>, list: &List) {
    forge.snapshot(&[Item::list("file", list)]);
}

/// A list with this many levels in which each node refers to the one below eight times.
fn doubled(forge: &mut Forge<'_>, levels: u8) -> List {
    let (id, length) = forge.chunk(b"x");
    let mut list = forge.list(0, &[(id, length, 1); 8]);
    for level in 1..levels {
        list = forge.list(level, &[(list.id, list.bytes, list.chunks); 8]);
    }
    list
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn chunk_lists_that_lie() {
    run_all(&[
        Cell::refused(
            "a depth of 255",
            |forge| {
                let mut list = doubled(forge, 2);
                list.level = 255;
                file_of(forge, &list);
            },
            "level of a chunk list",
        ),
        Cell::refused(
            "a level that is not the node's",
            |forge| {
                let mut list = doubled(forge, 2);
                list.level = 9;
                file_of(forge, &list);
            },
            "file",
        ),
        Cell::refused(
            "sums that lie",
            |forge| {
                let mut list = doubled(forge, 2);
                list.bytes += 1;
                file_of(forge, &list);
            },
            "file",
        ),
        Cell::refused(
            "sums that overflow",
            |forge| {
                let (id, length) = forge.chunk(b"x");
                let leaf = forge.list(0, &[(id, length, 1)]);
                let half = 1 << 63;
                let children = [(leaf.id, half, 1), (leaf.id, half - 1, 1)];
                let list = forge.list(1, &children);
                file_of(forge, &List { bytes: u64::MAX, ..list });
            },
            "file",
        ),
        Cell::refused(
            "a manifest node in a list",
            |forge| {
                let id = forge.node(&leaf(&[root_item()]).raw);
                file_of(forge, &List { id, level: 0, chunks: 1, bytes: 1 });
            },
            "file",
        ),
        Cell::refused(
            "an empty list",
            |forge| {
                let list = forge.list(0, &[]);
                file_of(forge, &list);
            },
            "file",
        ),
        Cell::refused(
            "inline and as a list",
            |forge| {
                let list = doubled(forge, 1);
                let ids = [1; ChunkId::BYTES];
                forge.snapshot(&[Item::list("file", &list).bytes(field::CHUNK_IDS, &ids)]);
            },
            "chunks both inline and as a tree",
        ),
        Cell {
            name: "the same node again and again",
            forge: |forge| {
                let list = doubled(forge, 6);
                file_of(forge, &list);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
    ]);
}

/// Completes a snapshot of nested directories.
fn deep(forge: &mut Forge<'_>, levels: usize) {
    let mut builder = NodeBuilder::new(0, 64);
    let mut children: Vec<Child> = Vec::new();
    let mut path = Vec::new();
    for level in 0..=levels {
        let mut entry = Entry::new(path.clone(), EntryKind::Directory);
        entry.mode = 0o755;
        if builder.push_entry(&forge.keys, &entry, None, None).unwrap() || level == levels {
            let node = builder.finish(&forge.keys).unwrap();
            forge.node(&node.raw);
            children.push(node.child);
        }
        path.extend_from_slice(if level == 0 { b"d" } else { b"/d" });
    }
    let mut level = 0;
    while children.len() > 1 {
        level += 1;
        let mut builder = NodeBuilder::new(level, 16);
        let mut parents = Vec::new();
        for (number, child) in children.iter().enumerate() {
            if builder.push_child(&forge.keys, child).unwrap() || number + 1 == children.len() {
                let node = builder.finish(&forge.keys).unwrap();
                forge.node(&node.raw);
                parents.push(node.child);
            }
        }
        children = parents;
    }
    forge.complete(Root { node: children[0].id, level, totals: children[0].totals });
}

#[test]
fn a_very_deep_tree() {
    run_all(&[Cell {
        name: "directories in each other",
        forge: |forge| deep(forge, 3_000),
        restore: 0,
        check: 0,
        says: "",
        opens: true,
    }]);
}
