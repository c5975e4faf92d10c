//! Manifests that no writer of ours makes, sealed under the right key.

use icecore_format::{
    ids::ChunkId,
    node::{Child, EncodedNode, NodeBuilder},
    seal::ObjectKind,
};

use super::*;
use crate::session::WriteSession;

struct Forge<'a> {
    bed: &'a Bed,
    session: WriteSession<'static>,
}

impl<'a> Forge<'a> {
    fn new(bed: &'a Bed) -> Self {
        Self { bed, session: bed.session() }
    }

    fn store(&mut self, node: EncodedNode) -> Child {
        self.session.add_chunk(ObjectKind::Manifest, node.child.id, &node.raw).unwrap();
        node.child
    }

    fn leaf(&mut self, paths: &[&str]) -> Child {
        let mut builder = NodeBuilder::new(0, 64);
        for path in paths {
            builder.push_entry(self.bed.repository.keys(), &file(path.as_bytes(), 1), None, None).unwrap();
        }
        let node = builder.finish(self.bed.repository.keys()).unwrap();
        self.store(node)
    }

    fn inner(&mut self, level: u8, children: &[Child]) -> Child {
        let mut builder = NodeBuilder::new(level, 64);
        for child in children {
            builder.push_child(self.bed.repository.keys(), child).unwrap();
        }
        let node = builder.finish(self.bed.repository.keys()).unwrap();
        self.store(node)
    }

    fn root(&self, node: &Child, level: u8) -> ManifestRoot {
        ManifestRoot { run: self.session.run(), node: node.id, level, totals: node.totals }
    }

    fn commit(self, root: &ManifestRoot) {
        commit(self.session, root).unwrap();
    }
}

/// Reads the manifest in every possible way: each must end, and with an error if it meets the bad node.
fn refused(bed: &Bed, root: &ManifestRoot) -> RepoError {
    let reader = bed.reader();
    let mut cursor = ManifestCursor::new(&reader, root);
    let mut first = None;
    let mut calls = 0;
    loop {
        calls += 1;
        assert!(calls < 1_000, "it does not end");
        match cursor.next() {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => {
                assert!(error.is_corruption(), "{error}");
                first = first.or(Some(error));
            }
        }
    }
    // None of these may hang or panic; whether they meet the bad node depends on where it is.
    for target in ["", "a", "c", "d", "zzz"] {
        drop(ManifestCursor::new(&reader, root).find(target.as_bytes()));
        drop(ManifestCursor::new(&reader, root).totals_within(target.as_bytes()));
    }
    let empty = stored(bed, &[]);
    for (old, new) in [(root, &empty), (&empty, root)] {
        let (mut old, mut new) = (ManifestCursor::new(&reader, old), ManifestCursor::new(&reader, new));
        let mut calls = 0;
        while !matches!(next_difference(&mut old, &mut new), Ok(None)) {
            calls += 1;
            assert!(calls < 1_000, "it does not end");
        }
    }
    first.expect("the manifest was read without an error")
}

fn assert_malformed(bed: &Bed, root: &ManifestRoot, expected: &str) {
    match refused(bed, root) {
        RepoError::Manifest { reason, run } => {
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(run, root.run);
        }
        error => panic!("{error}"),
    }
}

/// Stores a root over two leaves `a b c` and `d e`, after `change` has edited the references in the root.
fn two_leaves(bed: &Bed, change: impl FnOnce(&mut [Child; 2])) -> ManifestRoot {
    let mut forge = Forge::new(bed);
    let mut children = [forge.leaf(&["a", "b", "c"]), forge.leaf(&["d", "e"])];
    change(&mut children);
    let node = forge.inner(1, &children);
    let root = forge.root(&node, 1);
    forge.commit(&root);
    root
}

#[test]
fn forged_manifests_of_the_right_form_are_read() {
    let bed = Bed::new();
    let root = two_leaves(&bed, |_| {});
    assert_eq!(read_manifest(&bed.reader(), &root).unwrap().len(), 5);
}

#[test]
fn wrong_totals_are_refused() {
    let bed = Bed::new();
    let root = two_leaves(&bed, |children| children[1].totals.entries += 1);
    assert_malformed(&bed, &root, "totals");
    let root = two_leaves(&bed, |children| children[0].totals.bytes = u64::MAX);
    assert_malformed(&bed, &root, "totals");
    let mut root = two_leaves(&bed, |_| {});
    root.totals.files -= 1;
    assert_malformed(&bed, &root, "totals");
}

#[test]
fn a_wrong_last_path_is_refused() {
    let bed = Bed::new();
    let root = two_leaves(&bed, |children| children[0].last_path = b"cc".to_vec());
    assert_malformed(&bed, &root, "last path");
    let root = two_leaves(&bed, |children| children[1].last_path = b"zz".to_vec());
    assert_malformed(&bed, &root, "last path");
}

#[test]
fn paths_that_are_not_sorted_across_nodes_are_refused() {
    let bed = Bed::new();
    for second in [["c", "d"], ["a", "d"], ["0", "d"]] {
        let mut forge = Forge::new(&bed);
        let children = [forge.leaf(&["b", "c"]), forge.leaf(&second)];
        let node = forge.inner(1, &children);
        let root = forge.root(&node, 1);
        forge.commit(&root);
        assert_malformed(&bed, &root, "sorted");
    }
    // Across inner nodes.
    let mut forge = Forge::new(&bed);
    let leaves = [forge.leaf(&["b"]), forge.leaf(&["m"]), forge.leaf(&["d"]), forge.leaf(&["z"])];
    let inner = [forge.inner(1, &leaves[..2]), forge.inner(1, &leaves[2..])];
    let node = forge.inner(2, &inner);
    let root = forge.root(&node, 2);
    forge.commit(&root);
    assert_malformed(&bed, &root, "sorted");
}

#[test]
fn a_node_on_another_level_is_refused() {
    let bed = Bed::new();
    let mut forge = Forge::new(&bed);
    let leaf = forge.leaf(&["a", "b"]);
    let inner = forge.inner(1, std::slice::from_ref(&leaf));
    // A leaf in the location of an inner node, an inner node in that of a leaf, and a node that skips levels
    // upwards.
    let too_low = forge.inner(3, std::slice::from_ref(&inner));
    let too_high = forge.inner(1, std::slice::from_ref(&inner));
    let same = forge.inner(2, std::slice::from_ref(&too_low));
    let roots = [
        forge.root(&too_low, 3),
        forge.root(&too_high, 1),
        forge.root(&same, 2),
        forge.root(&leaf, 1),
        forge.root(&inner, 0),
        forge.root(&inner, 15),
    ];
    forge.commit(&roots[0]);
    for root in roots {
        assert_malformed(&bed, &root, "level");
    }
}

#[test]
fn an_empty_leaf_below_the_root_is_refused() {
    let bed = Bed::new();
    let mut forge = Forge::new(&bed);
    let mut empty = forge.leaf(&[]);
    empty.last_path = b"a".to_vec();
    let full = forge.leaf(&["b"]);
    let node = forge.inner(1, &[empty, full]);
    let root = forge.root(&node, 1);
    forge.commit(&root);
    assert_malformed(&bed, &root, "last path");
}

#[test]
fn chunks_that_are_no_nodes_are_refused() {
    let bed = Bed::new();
    let mut session = bed.session();
    let mut nodes = Vec::new();
    for raw in [&b"\x01"[..], b"\x02\xa0", b"no node", b"\x01\xbf\xff\xff", b"\x01\xa2\x00\x10\x01\x80"] {
        let id = bed.repository.keys().node_id(raw);
        session.add_chunk(ObjectKind::Manifest, id, raw).unwrap();
        nodes.push(id);
    }
    let (data, _) = crate::bed::add(&mut session, b"\x01\xa2\x00\x00\x01\x80 data").unwrap();
    nodes.push(data.id);
    let root = write_manifest(&mut session, &[]).unwrap();
    commit(session, &root).unwrap();
    for node in nodes {
        let root = ManifestRoot { node, ..root.clone() };
        assert!(matches!(refused(&bed, &root), RepoError::Object { .. }), "{node}");
    }
    let missing = ManifestRoot { node: ChunkId([3; ChunkId::BYTES]), ..root };
    assert!(matches!(refused(&bed, &missing), RepoError::MissingChunk { .. }));
}

#[test]
fn what_lies_beside_a_missing_node_is_still_read() {
    let bed = Bed::new();
    let root = two_leaves(&bed, |children| children[0].id = ChunkId([3; ChunkId::BYTES]));
    let reader = bed.reader();
    let mut cursor = ManifestCursor::new(&reader, &root);
    assert!(matches!(cursor.next(), Err(RepoError::MissingChunk { .. })));
    assert_eq!(cursor.next().unwrap().unwrap().path, b"d");
    assert_eq!(cursor.next().unwrap().unwrap().path, b"e");
    assert_eq!(cursor.next().unwrap(), None);
}
