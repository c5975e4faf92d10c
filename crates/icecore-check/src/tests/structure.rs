//! Objects that all open, but contradict each other.

use icecore_format::{
    chunk_list::ChunkListBuilder,
    entry::{ChunkListRef, ChunkRef, Content, Entry, EntryKind, Marks},
    ids::ChunkId,
    layout,
    node::{Child, NodeBuilder, Totals},
    seal::ObjectKind,
    snapshot::DedupScope,
};

use super::builder::{CHUNK_BYTES, Repository, Spec, kinds, noise, run, snapshot, usual_spec};
use crate::{CheckReport, ProblemKind, Severity};

fn spec() -> Spec {
    Spec { files: [].into(), ..usual_spec(1) }
}

/// An entry of a file without content.
pub(super) fn file(path: &str) -> Entry {
    Entry::new(path.as_bytes().to_vec(), EntryKind::File)
}

fn file_of(path: &str, content: Content) -> Entry {
    let mut entry = file(path);
    entry.size = content.bytes();
    entry.content = content;
    entry
}

/// Stores a leaf of exactly these entries.
pub(super) fn leaf(repository: &mut Repository, entries: &[Entry]) -> Child {
    let mut builder = NodeBuilder::new(0, 64);
    for entry in entries {
        builder.push_entry(&repository.keys, entry, None, None).expect("entry");
    }
    store(repository, builder)
}

/// Stores an inner node of exactly these children.
pub(super) fn inner(repository: &mut Repository, level: u8, children: &[Child]) -> Child {
    let mut builder = NodeBuilder::new(level, 64);
    for child in children {
        builder.push_child(&repository.keys, child).expect("child");
    }
    store(repository, builder)
}

fn store(repository: &mut Repository, mut builder: NodeBuilder) -> Child {
    let node = builder.finish(&repository.keys).expect("node");
    repository.store_nodes(&spec(), vec![node.raw]);
    node.child
}

/// Completes a snapshot with this root and checks it.
pub(super) fn check_root(repository: &mut Repository, root: &Child, level: u8) -> CheckReport {
    repository.complete(&spec(), root, level);
    let report = repository.check();
    let data = repository.check_data();
    assert_eq!((&report.problems, &report.snapshots), (&data.problems, &data.snapshots));
    report
}

#[track_caller]
pub(super) fn assert_broken(report: &CheckReport, kind: ProblemKind, files: u64) {
    assert_eq!(kinds(report), [kind], "{:?}", report.problems);
    let hit = snapshot(report, run(1));
    assert_eq!((hit.restorable, hit.files_damaged), (kind.severity() < Severity::Damage, files));
}

#[test]
fn two_good_leaves_are_good() {
    let mut repository = Repository::new();
    let leaves = [leaf(&mut repository, &[file("a"), file("b")]), leaf(&mut repository, &[file("c")])];
    let root = inner(&mut repository, 1, &leaves);
    assert_eq!(check_root(&mut repository, &root, 1).problems, []);
}

#[test]
fn level_of_the_root() {
    let mut repository = Repository::new();
    let root = leaf(&mut repository, &[file("a")]);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::NodeLevelWrong, 1);
}

#[test]
fn level_of_a_child() {
    let mut repository = Repository::new();
    let child = leaf(&mut repository, &[file("a"), file("b")]);
    let root = inner(&mut repository, 2, &[child]);
    let report = check_root(&mut repository, &root, 2);
    assert_broken(&report, ProblemKind::NodeLevelWrong, 2);
}

#[test]
fn totals_of_the_root() {
    let mut repository = Repository::new();
    let mut root = leaf(&mut repository, &[file("a")]);
    root.totals.bytes += 1;
    let report = check_root(&mut repository, &root, 0);
    assert_broken(&report, ProblemKind::NodeTotalsWrong, 0);
}

#[test]
fn totals_of_a_child() {
    let mut repository = Repository::new();
    let mut child = leaf(&mut repository, &[file("a")]);
    child.totals.files += 1;
    let root = inner(&mut repository, 1, &[child]);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::NodeTotalsWrong, 0);
}

#[test]
fn last_path_of_a_child() {
    let mut repository = Repository::new();
    let mut child = leaf(&mut repository, &[file("a")]);
    child.last_path = b"b".to_vec();
    let root = inner(&mut repository, 1, &[child]);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::NodePathWrong, 0);
}

#[test]
fn empty_leaf_as_a_child() {
    let mut repository = Repository::new();
    let mut child = leaf(&mut repository, &[]);
    child.last_path = b"a".to_vec();
    let root = inner(&mut repository, 1, &[child]);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::NodePathWrong, 0);
}

#[test]
fn overlapping_children() {
    let mut repository = Repository::new();
    let leaves =
        [leaf(&mut repository, &[file("a"), file("m")]), leaf(&mut repository, &[file("c"), file("z")])];
    let root = inner(&mut repository, 1, &leaves);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::NodeOrderWrong, 0);
}

#[test]
fn overlapping_grandchildren() {
    let mut repository = Repository::new();
    let left = leaf(&mut repository, &[file("a"), file("m")]);
    let left = inner(&mut repository, 1, &[left]);
    let right = leaf(&mut repository, &[file("m"), file("z")]);
    let right = inner(&mut repository, 1, &[right]);
    let root = inner(&mut repository, 2, &[left, right]);
    let report = check_root(&mut repository, &root, 2);
    assert_broken(&report, ProblemKind::NodeOrderWrong, 0);
}

#[test]
fn missing_root_and_missing_child() {
    let mut repository = Repository::new();
    let totals = Totals { entries: 9, files: 7, bytes: 5 };
    let lost = Child { last_path: b"z".to_vec(), id: ChunkId([3; ChunkId::BYTES]), totals };
    let report = check_root(&mut repository.fork(), &lost, 3);
    assert_broken(&report, ProblemKind::NodeMissing, 7);
    let good = leaf(&mut repository, &[file("a")]);
    let root = inner(&mut repository, 1, &[good, lost]);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::NodeMissing, 7);
    assert!(report.problems[0].detail.contains("up to \"z\""), "{}", report.problems[0].detail);
}

#[test]
fn a_node_that_is_none() {
    for raw in [b"\x01 is not CBOR".to_vec(), b"?".to_vec()] {
        let mut repository = Repository::new();
        let id = repository.keys.node_id(&raw);
        repository.store_nodes(&spec(), vec![raw]);
        let root = Child { last_path: Vec::new(), id, totals: Totals { entries: 2, files: 1, bytes: 0 } };
        let report = check_root(&mut repository, &root, 0);
        assert_broken(&report, ProblemKind::NodeMalformed, 1);
    }
}

#[test]
fn a_data_chunk_is_no_node_and_a_node_is_no_data_chunk() {
    let mut repository = Repository::new();
    let node = leaf(&mut repository, &[file("a")]);
    let content = Content::Inline(vec![ChunkRef { id: node.id, length: 10 }]);
    let root = leaf(&mut repository, &[file_of("b", content)]);
    let report = check_root(&mut repository.fork(), &root, 0);
    assert_broken(&report, ProblemKind::ChunkMissing, 1);
    let content = repository.store_content(&spec(), b"data");
    let Content::Inline(chunks) = content else { panic!("inline") };
    let root = Child { id: chunks[0].id, ..root };
    let report = check_root(&mut repository, &root, 0);
    assert_broken(&report, ProblemKind::NodeMissing, 1);
}

#[test]
fn missing_chunk_and_wrong_length() {
    let mut repository = Repository::new();
    let Content::Inline(mut chunks) = repository.store_content(&spec(), &noise(1, 900)) else {
        panic!("inline")
    };
    chunks[1].length += 1;
    let root = leaf(&mut repository, &[file_of("a", Content::Inline(chunks.clone()))]);
    let report = check_root(&mut repository.fork(), &root, 0);
    assert_broken(&report, ProblemKind::ChunkLengthWrong, 1);
    chunks[1].id = ChunkId([0xff; ChunkId::BYTES]);
    let root = leaf(&mut repository, &[file("0"), file_of("a\n", Content::Inline(chunks))]);
    let report = check_root(&mut repository, &root, 0);
    assert_broken(&report, ProblemKind::ChunkMissing, 1);
    assert_eq!(snapshot(&report, run(1)).examples, [b"a\n".to_vec()]);
    assert!(report.problems[0].detail.contains("\"a\\n\""), "{}", report.problems[0].detail);
}

fn long_list(repository: &mut Repository) -> ChunkListRef {
    match repository.store_content(&spec(), &noise(5, CHUNK_BYTES * 50)) {
        Content::List(list) => list,
        Content::Inline(_) => panic!("a tree is wanted"),
    }
}

#[test]
fn chunk_list_that_is_missing_or_says_something_else() {
    let mut repository = Repository::new();
    let list = long_list(&mut repository);
    let cases = [
        (ChunkListRef { id: ChunkId([1; ChunkId::BYTES]), ..list }, ProblemKind::NodeMissing),
        (ChunkListRef { bytes: list.bytes + 1, ..list }, ProblemKind::NodeMalformed),
        (ChunkListRef { chunks: list.chunks - 1, ..list }, ProblemKind::NodeMalformed),
        (ChunkListRef { level: list.level + 1, ..list }, ProblemKind::NodeMalformed),
    ];
    for (wrong, kind) in cases {
        let mut repository = repository.fork();
        let entries = [file_of("a", Content::List(wrong)), file_of("b", Content::List(list)), file("c")];
        let root = leaf(&mut repository, &entries);
        let report = check_root(&mut repository, &root, 0);
        assert_broken(&report, kind, 1);
        assert_eq!(snapshot(&report, run(1)).examples, [b"a".to_vec()]);
    }
}

#[test]
fn chunk_list_with_a_manifest_node_or_missing_chunks_below() {
    let mut repository = Repository::new();
    let node = leaf(&mut repository, &[file("x")]);
    let list = ChunkListRef { id: node.id, level: 0, chunks: 40, bytes: 400 };
    let root = leaf(&mut repository, &[file_of("a", Content::List(list))]);
    let report = check_root(&mut repository.fork(), &root, 0);
    assert_broken(&report, ProblemKind::NodeMalformed, 1);

    let mut builder = ChunkListBuilder::new(0);
    builder.push_chunk(ChunkRef { id: ChunkId([8; ChunkId::BYTES]), length: 10 });
    let low = builder.finish(&repository.keys).expect("list");
    let mut builder = ChunkListBuilder::new(1);
    builder.push_node(&low.list);
    let high = builder.finish(&repository.keys).expect("list");
    repository.store_nodes(&spec(), vec![low.raw, high.raw]);
    let root = leaf(&mut repository, &[file_of("a", Content::List(high.list))]);
    let report = check_root(&mut repository, &root, 0);
    assert_broken(&report, ProblemKind::ChunkMissing, 1);
}

#[test]
fn what_one_snapshot_says_wrongly_does_not_harm_the_others() {
    let mut repository = Repository::new();
    let child = leaf(&mut repository, &[file("a")]);
    let mut wrong = child.clone();
    wrong.totals.entries = 5;
    for (number, child) in [(1, &wrong), (2, &child), (3, &wrong)] {
        let root = inner(&mut repository, 1, std::slice::from_ref(child));
        repository.complete(&Spec { run: run(number), ..spec() }, &root, 1);
    }
    let report = repository.check();
    assert_eq!(kinds(&report), [ProblemKind::NodeTotalsWrong]);
    assert_eq!(report.problems.len(), 1);
    let restorable: Vec<_> = report.snapshots.iter().map(|snapshot| snapshot.restorable).collect();
    assert_eq!(restorable, [false, true, false]);
}

fn link(path: &str, content: &Content, inode: u64) -> Entry {
    let mut entry = file_of(path, content.clone());
    (entry.link_device, entry.inode) = (Some(0), inode);
    entry
}

#[test]
fn hard_links_agree_or_are_reported() {
    let mut repository = Repository::new();
    let one = repository.store_content(&spec(), b"one");
    let two = repository.store_content(&spec(), b"two");
    let good = [
        leaf(&mut repository, &[link("a", &one, 1), link("b", &two, 2)]),
        leaf(&mut repository, &[link("c", &one, 1), link("d", &two, 2)]),
    ];
    let root = inner(&mut repository, 1, &good);
    assert_eq!(check_root(&mut repository.fork(), &root, 1).problems, []);

    let mut unreadable = link("d", &Content::default(), 2);
    unreadable.marks = Marks::UNREADABLE;
    let forgiven = leaf(&mut repository, &[link("c", &one, 1), unreadable]);
    let root = inner(&mut repository, 1, &[good[0].clone(), forgiven]);
    assert_eq!(check_root(&mut repository.fork(), &root, 1).problems, []);

    let bad = leaf(&mut repository, &[link("c", &two, 1), link("d", &two, 2)]);
    let root = inner(&mut repository, 1, &[good[0].clone(), bad]);
    let report = check_root(&mut repository, &root, 1);
    assert_broken(&report, ProblemKind::LinksDiffer, 0);
    assert_eq!(report.problems[0].object, Some(layout::snapshot_key(run(1))));
    assert!(report.is_healthy());
}

#[test]
fn links_of_different_snapshots_may_differ() {
    let mut repository = Repository::new();
    for (number, text) in [(1, b"one"), (2, b"two")] {
        let content = repository.store_content(&spec(), text);
        let root = leaf(&mut repository, &[link("a", &content, 1), link("b", &content, 1)]);
        repository.complete(&Spec { run: run(number), ..spec() }, &root, 0);
    }
    assert_eq!(repository.check().problems, []);
}

#[test]
fn group_scope_is_verified_for_data_and_nodes() {
    let mut repository = Repository::new();
    let content = repository.store_content(&spec(), b"content");
    let root = leaf(&mut repository, &[file_of("a", content.clone())]);
    repository.complete(&spec(), &root, 0);
    // Everything is in packs of the first run's group.
    let own = Spec { run: run(2), dedup: DedupScope::Group, ..spec() };
    repository.complete(&own, &root, 0);
    assert_eq!(repository.check().problems, []);
    let other = Spec { run: run(3), group: run(3), dedup: DedupScope::Group, files: [].into() };
    repository.complete(&other, &root, 0);
    let report = repository.check();
    assert_eq!(kinds(&report), [ProblemKind::OutsideGroup]);
    assert!(report.is_healthy());
    let detail = &report.problems[0].detail;
    assert!(detail.contains("1 references to chunks and 1 manifest nodes"), "{detail}");
    // Copies in the right group heal it.
    repository.store_content(&other, b"content");
    let (_, _, raw) = repository.encode_manifest(&[file_of("a", content)]);
    repository.store_nodes(&other, raw);
    assert_eq!(repository.check().problems, []);
}

#[test]
fn a_second_copy_saves_chunks_and_nodes() {
    let mut repository = Repository::new();
    let content = repository.store_content(&spec(), b"content");
    let root = leaf(&mut repository, &[file_of("a", content.clone())]);
    repository.complete(&spec(), &root, 0);
    let other = Spec { run: run(3), group: run(3), dedup: DedupScope::Group, files: [].into() };
    repository.store_content(&other, b"content");
    let (_, _, raw) = repository.encode_manifest(&[file_of("a", content)]);
    repository.store_nodes(&other, raw);
    for prefix in [format!("data/{}/", run(1)), layout::MANIFEST_PREFIX.to_owned()] {
        let key = repository.keys_below(&prefix).remove(0);
        let mut damaged = repository.get(&key);
        damaged[140] ^= 1;
        repository.replace(&key, damaged);
    }
    let report = repository.check_data();
    assert_eq!(kinds(&report), [ProblemKind::BlocksDamaged]);
    assert_eq!(report.problems.len(), 2);
    assert!(snapshot(&report, run(1)).restorable);
    let structure = repository.check();
    assert_eq!(structure.problems.len(), 1, "{:?}", structure.problems);
    assert!(snapshot(&structure, run(1)).restorable);
}

#[test]
fn a_directory_that_lies_about_ids_is_found_by_reading() {
    let mut repository = Repository::new();
    let name = icecore_format::ids::PackName { run: run(1), number: 900 };
    let lie = [(ChunkId([4; ChunkId::BYTES]), b"something else".to_vec())];
    repository.store_pack(name, ObjectKind::Data, run(1), &lie);
    let chunk = ChunkRef { id: ChunkId([4; ChunkId::BYTES]), length: 14 };
    let root = leaf(&mut repository, &[file_of("a", Content::Inline(vec![chunk]))]);
    repository.complete(&spec(), &root, 0);
    assert_eq!(repository.check().problems, []);
    let report = repository.check_data();
    assert_broken(&report, ProblemKind::BlocksDamaged, 1);
}
