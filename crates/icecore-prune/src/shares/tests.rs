use std::collections::{BTreeMap, BTreeSet, HashMap};

use icecore_catalog::Catalog;
use icecore_format::snapshot::{DedupScope, SnapshotState};
use icecore_repo::{
    manifest::{ChunkListReader, ManifestCursor, ManifestRoot},
    session::SessionOrigin,
};

use super::*;
use crate::{bed::Bed, marks::mark};

const FIRST: &[(&str, u64)] =
    &[("a", 1), ("b", 2), ("c", 3), ("d", 100), ("e", 4), ("f", 5), ("g", 6), ("h", 7)];
const SECOND: &[(&str, u64)] =
    &[("a", 1), ("b", 2), ("c", 3), ("d", 100), ("e", 8), ("f", 5), ("g", 6), ("h", 7)];
const THIRD: &[(&str, u64)] = &[("a", 1), ("x", 101), ("y", 9)];

/// Sources of the snapshots, each with its own host, and the owner of each snapshot.
struct Owners {
    tree: OwnerTree,
    sources: BTreeMap<String, Owner>,
    runs: HashMap<RunId, Owner>,
}

fn owners(snapshots: &[Snapshot]) -> Owners {
    let mut owners = Owners { tree: OwnerTree::default(), sources: BTreeMap::new(), runs: HashMap::new() };
    for snapshot in snapshots {
        let tree = &mut owners.tree;
        let source = snapshot.origin.source.clone();
        let source = *owners.sources.entry(source).or_insert_with(|| tree.add(Owner::EVERYBODY));
        owners.runs.insert(snapshot.origin.run, tree.add(source));
    }
    owners
}

fn shares(bed: &Bed, catalog: &mut Catalog, owners: &Owners) -> (Vec<PackSums>, ChunkShares) {
    let (packs, snapshots) = (bed.packs(), bed.snapshots());
    let listed: Vec<&Snapshot> = snapshots.iter().collect();
    let marks = mark(&bed.repository, catalog, &packs, &listed).unwrap();
    let of_packs = pack_owners(&owners.tree, |run| owners.runs.get(&run).copied(), &marks, &packs);
    let owned: Vec<_> = listed.iter().map(|one| (*one, owners.runs[&one.origin.run])).collect();
    let shares = chunk_shares(&bed.repository, catalog, &packs, (&owners.tree, &of_packs), &owned).unwrap();
    (packs_alone(&owners.tree, &of_packs, &packs), shares)
}

/// Returns the data chunks of a snapshot with their lengths, read entry by entry.
fn data_chunks(bed: &Bed, snapshot: &Snapshot) -> BTreeSet<(ChunkId, u32)> {
    let index = load_index(&bed.repository, &mut bed.catalog(), None).unwrap().index;
    let reader = ChunkReader::new(bed.repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
    let root = ManifestRoot::of(snapshot).unwrap();
    let mut cursor = ManifestCursor::new(&reader, &root);
    let mut chunks = BTreeSet::new();
    while let Some(entry) = cursor.next().unwrap() {
        let of_entry = ChunkListReader::collect(&reader, &entry.content).unwrap();
        chunks.extend(of_entry.iter().map(|chunk| (chunk.id, chunk.length)));
    }
    chunks
}

fn sums<'a>(chunks: impl IntoIterator<Item = &'a (ChunkId, u32)>) -> (u64, u64) {
    chunks.into_iter().fold((0, 0), |(count, bytes), (_, length)| (count + 1, bytes + u64::from(*length)))
}

fn data(held: &HeldChunks) -> (u64, u64) {
    (held.data.chunks, held.data.plain_bytes)
}

#[test]
fn each_owner_has_the_chunks_that_nobody_else_refers_to() {
    let bed = Bed::new();
    let second = |origin: &mut SessionOrigin| origin.source = "second".into();
    let snapshots = [bed.snapshot(FIRST), bed.snapshot(SECOND), bed.snapshot_with(THIRD, second)];
    let owners = owners(&snapshots);
    let (packs, shares) = shares(&bed, &mut bed.catalog(), &owners);
    assert!(shares.unreadable.is_none() && shares.unreadable_count == 0);
    let chunks = snapshots.each_ref().map(|snapshot| data_chunks(&bed, snapshot));
    for (position, snapshot) in snapshots.iter().enumerate() {
        let others: BTreeSet<_> =
            (0..3).filter(|other| *other != position).flat_map(|other| chunks[other].clone()).collect();
        let alone = &shares.alone[owners.runs[&snapshot.origin.run].index()];
        assert_eq!(data(alone), sums(chunks[position].difference(&others)));
        assert!(alone.nodes.chunks > 0);
    }
    let first: BTreeSet<_> = chunks[0].union(&chunks[1]).copied().collect();
    let of_first = &shares.alone[owners.sources["source"].index()];
    assert_eq!(data(of_first), sums(first.difference(&chunks[2])));
    let of_second = &shares.alone[owners.sources["second"].index()];
    assert_eq!(data(of_second), sums(chunks[2].difference(&first)));
    let all: BTreeSet<_> = first.union(&chunks[2]).copied().collect();
    assert_eq!(data(&shares.alone[Owner::EVERYBODY.index()]), sums(&all));
    // Everything in the repository belongs to somebody, and the shares add up to the packs without their
    // headers.
    assert_eq!(shares.alone[Owner::NOBODY.index()], HeldChunks::default());
    let all = shares.alone[Owner::EVERYBODY.index()];
    assert!(all.stored_bytes() < packs[Owner::EVERYBODY.index()].bytes);
    assert_eq!(packs[Owner::EVERYBODY.index()].packs, bed.packs().len() as u64);
}

#[test]
fn shares_of_a_block_add_up_to_its_length() {
    let bed = Bed::new();
    let snapshots = [bed.snapshot(FIRST)];
    let mut catalog = bed.catalog();
    let mut blocks = 0;
    catalog
        .for_each_directory(|row| {
            blocks += row.blocks().map(|block| u64::from(block.stored_bytes)).sum::<u64>();
        })
        .unwrap();
    let (_, shares) = shares(&bed, &mut catalog, &owners(&snapshots));
    assert_eq!(shares.alone[Owner::EVERYBODY.index()].stored_bytes(), blocks);
}

#[test]
fn snapshots_of_groups_hold_their_own_copies() {
    let bed = Bed::new();
    let group = |origin: &mut SessionOrigin| origin.dedup = DedupScope::Group;
    let snapshots = [bed.snapshot_with(FIRST, group), bed.snapshot_with(FIRST, group)];
    let owners = owners(&snapshots);
    let (packs, shares) = shares(&bed, &mut bed.catalog(), &owners);
    let [first, second] = snapshots.each_ref().map(|snapshot| owners.runs[&snapshot.origin.run].index());
    let all = sums(&data_chunks(&bed, &snapshots[0]));
    assert_eq!((data(&shares.alone[first]), data(&shares.alone[second])), (all, all));
    let packs_of_all = packs[Owner::EVERYBODY.index()];
    assert_eq!(packs[first].bytes + packs[second].bytes, packs_of_all.bytes);
}

#[test]
fn what_nothing_refers_to_belongs_to_nobody() {
    let bed = Bed::new();
    let first = bed.snapshot(FIRST);
    let second = bed.snapshot(SECOND);
    let deleted =
        Snapshot { state: SnapshotState::Deleted(first.completion().unwrap().clone()), ..first.clone() };
    let (of_first, of_second) = (data_chunks(&bed, &first), data_chunks(&bed, &second));
    bed.put_snapshot(&deleted);
    let owners = owners(&bed.snapshots());
    let (packs, shares) = shares(&bed, &mut bed.catalog(), &owners);
    let unused = &shares.alone[Owner::NOBODY.index()];
    assert_eq!(data(unused), sums(of_first.difference(&of_second)));
    // The pack of the first run has chunks of the second snapshot, too.
    assert_eq!(shares.unused_in_needed_packs.data, unused.data);
    assert_eq!(data(&shares.alone[owners.runs[&second.origin.run].index()]), sums(&of_second));
    assert!(packs[Owner::NOBODY.index()].packs <= 1);
}

#[test]
fn damage_is_reported_and_everything_else_is_counted() {
    let bed = Bed::new();
    let snapshots = [bed.snapshot(FIRST), bed.snapshot(&[("x", 50)])];
    let owners = owners(&snapshots);
    let lost = bed.keys_below("data/").remove(0);
    bed.remove(&lost);
    let (_, shares) = shares(&bed, &mut bed.catalog(), &owners);
    assert!(shares.unreadable_count > 0);
    assert_eq!(shares.unreadable.as_ref().unwrap().0, snapshots[0].origin.run);
    let alone = &shares.alone[owners.runs[&snapshots[1].origin.run].index()];
    assert_eq!(data(alone), sums(&data_chunks(&bed, &snapshots[1])));
}
