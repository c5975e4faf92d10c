use std::collections::{BTreeMap, BTreeSet, HashMap};

use icecore_format::ids::{ChunkId, PackName};
use icecore_repo::{
    manifest::{ChunkListReader, ManifestCursor},
    session::SessionOrigin,
};

use super::*;
use crate::bed::{Bed, write_files};

/// Reads a whole manifest entry by entry, and looks for every chunk in every directory. Nodes are left out:
/// the packs that hold them are checked by [`nodes_are_marked`].
fn data_packs_of(bed: &Bed, snapshot: &Snapshot) -> BTreeSet<PackName> {
    let mut catalog = bed.catalog();
    let mut copies: HashMap<ChunkId, Vec<PackName>> = HashMap::new();
    for (_, pack) in bed.packs().iter() {
        for chunk in catalog.directory(pack.name).unwrap().unwrap().chunks {
            copies.entry(chunk.id).or_default().push(pack.name);
        }
    }
    let index = load_index(&bed.repository, &mut catalog, None).unwrap().index;
    let reader = ChunkReader::new(bed.repository.clone(), Arc::new(RwLock::new(index)), CACHE_BYTES);
    let mut cursor = ManifestCursor::new(&reader, &ManifestRoot::of(snapshot).unwrap());
    let mut found = BTreeSet::new();
    while let Some(entry) = cursor.next().unwrap() {
        for chunk in ChunkListReader::collect(&reader, &entry.content).unwrap() {
            found.extend(copies[&chunk.id].iter().copied());
        }
    }
    found
}

type Needed = BTreeMap<RunId, BTreeSet<PackName>>;

fn marked(bed: &Bed, catalog: &mut Catalog) -> (Needed, NeededPacks) {
    let (packs, snapshots) = (bed.packs(), bed.snapshots());
    let snapshots: Vec<&Snapshot> = snapshots.iter().collect();
    let marks = mark(&bed.repository, catalog, &packs, &snapshots).unwrap();
    let names = |set: &PackSet| set.iter().map(|number| packs.get(number).name).collect();
    (marks.needed.iter().map(|(run, set)| (*run, names(set))).collect(), marks)
}

fn is_data(bed: &Bed, name: PackName) -> bool {
    let packs = bed.packs();
    let pack = packs.get(packs.number(name).unwrap());
    pack.pack.as_ref().unwrap().1.key.starts_with("data/")
}

const FIRST: &[(&str, u64)] =
    &[("a", 1), ("b", 2), ("c", 3), ("d", 100), ("e", 4), ("f", 5), ("g", 6), ("h", 7)];
const SECOND: &[(&str, u64)] =
    &[("a", 1), ("b", 2), ("c", 3), ("d", 100), ("e", 8), ("f", 5), ("g", 6), ("h", 7)];

#[test]
fn each_snapshot_has_the_packs_of_all_its_chunks() {
    let bed = Bed::new();
    let snapshots = [bed.snapshot(FIRST), bed.snapshot(SECOND), bed.snapshot(&[("x", 101), ("y", 9)])];
    let (needed, marks) = marked(&bed, &mut bed.catalog());
    assert!(marks.unreadable.is_empty());
    let [first, second, third] = snapshots.each_ref().map(|snapshot| &needed[&snapshot.origin.run]);
    for (snapshot, packs) in snapshots.iter().zip([first, second, third]) {
        let data: BTreeSet<_> = packs.iter().copied().filter(|name| is_data(&bed, *name)).collect();
        assert_eq!(data, data_packs_of(&bed, snapshot));
    }
    // The second run wrote what it changed, and refers to the rest.
    assert!(second.len() > 2 && second.iter().any(|pack| first.contains(pack)));
    assert!(third.is_disjoint(first));
}

#[test]
fn nodes_are_marked() {
    let bed = Bed::new();
    bed.snapshot(FIRST);
    let (packs, snapshots) = (bed.packs(), bed.snapshots());
    let marks = mark(&bed.repository, &mut bed.catalog(), &packs, &[&snapshots[0]]).unwrap();
    // Nothing but this snapshot is there: it needs every pack.
    assert_eq!(marks.unused(&packs), PackSet::default());
    assert_eq!(marks.all().len(), packs.len());
}

#[test]
fn what_nothing_refers_to_is_unused() {
    let bed = Bed::new();
    let first = bed.snapshot(FIRST);
    bed.snapshot(SECOND);
    let packs = bed.packs();
    let snapshots = bed.snapshots();
    let only_second: Vec<&Snapshot> =
        snapshots.iter().filter(|snapshot| snapshot.origin.run != first.origin.run).collect();
    let marks = mark(&bed.repository, &mut bed.catalog(), &packs, &only_second).unwrap();
    let unused = marks.unused(&packs);
    // The root of the first manifest is in a pack with nodes that both share, or in one of its own.
    assert!(unused.iter().all(|number| packs.get(number).name.run == first.origin.run));
    let all = mark(&bed.repository, &mut bed.catalog(), &packs, &[]).unwrap();
    assert_eq!(all.unused(&packs).len(), packs.len());
}

#[test]
fn a_warm_catalogue_gives_the_same_and_reads_nothing() {
    let bed = Bed::new();
    bed.snapshot(FIRST);
    bed.snapshot(SECOND);
    let mut catalog = bed.catalog();
    let (cold, _) = marked(&bed, &mut catalog);
    let (packs, snapshots) = (bed.packs(), bed.snapshots());
    let before = bed.reads();
    mark(&bed.repository, &mut catalog, &packs, &snapshots.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(bed.reads(), before);
    assert_eq!(marked(&bed, &mut catalog).0, cold);
    bed.snapshot(&[("a", 1), ("b", 2), ("z", 11)]);
    bed.update(&mut catalog);
    let (later, _) = marked(&bed, &mut catalog);
    assert!(cold.iter().all(|(run, packs)| later[run] == *packs));
    assert_eq!(later, marked(&bed, &mut bed.catalog()).0);
}

#[test]
fn what_is_missing_makes_the_snapshot_unreadable() {
    let bed = Bed::new();
    let first = bed.snapshot(FIRST);
    let second = bed.snapshot(&[("x", 50)]);
    let data = data_packs_of(&bed, &first);
    let packs = bed.packs();
    let lost = packs.get(packs.number(*data.first().unwrap()).unwrap()).pack.clone().unwrap().1;
    let mut catalog = bed.catalog();
    for warm in [false, true] {
        if !warm {
            bed.remove(&lost.key);
        }
        let (needed, marks) = marked(&bed, &mut catalog);
        assert_eq!(needed.len(), 1);
        assert_eq!(marks.needed[0].0, second.origin.run);
        let [(run, error)] = &marks.unreadable[..] else { panic!("one snapshot is damaged") };
        assert_eq!(*run, first.origin.run);
        assert!(!error.is_general(), "{error}");
    }
}

#[test]
fn a_pack_that_is_lost_later_is_noticed_although_sets_were_kept() {
    let bed = Bed::new();
    let first = bed.snapshot(FIRST);
    let mut catalog = bed.catalog();
    assert!(marked(&bed, &mut catalog).1.unreadable.is_empty());
    let packs = bed.packs();
    let name = *data_packs_of(&bed, &first).first().unwrap();
    bed.remove(&packs.get(packs.number(name).unwrap()).pack.as_ref().unwrap().1.key);
    let (_, marks) = marked(&bed, &mut catalog);
    assert_eq!(marks.unreadable.len(), 1);
}

#[test]
fn a_copy_that_was_added_after_sets_were_kept_is_found() {
    let bed = Bed::new();
    bed.snapshot(FIRST);
    let mut catalog = bed.catalog();
    marked(&bed, &mut catalog);
    // A run that saw nothing of the first one stores the same chunks once more, and ends without a snapshot.
    let group = |origin: &mut SessionOrigin| origin.dedup = DedupScope::Group;
    let mut other = bed.catalog();
    let mut session = bed.session(&mut other, group);
    let run = session.run();
    write_files(&mut session, FIRST);
    session.abort("test").unwrap();
    bed.update(&mut catalog);
    let (needed, _) = marked(&bed, &mut catalog);
    let packs = needed.values().next().unwrap();
    assert!(packs.iter().any(|pack| pack.run == run), "its copies may be the good ones");
    assert_eq!(needed, marked(&bed, &mut bed.catalog()).0);
}

#[test]
fn a_snapshot_of_a_group_needs_packs_of_its_group_only() {
    let bed = Bed::new();
    let group = |origin: &mut SessionOrigin| origin.dedup = DedupScope::Group;
    let snapshots = [bed.snapshot_with(FIRST, group), bed.snapshot_with(FIRST, group)];
    let (needed, _) = marked(&bed, &mut bed.catalog());
    for snapshot in &snapshots {
        let packs = &needed[&snapshot.origin.run];
        assert!(!packs.is_empty() && packs.iter().all(|pack| pack.run == snapshot.origin.run));
    }
    // One that refers to any pack counts all copies.
    let third = bed.snapshot(FIRST).origin.run;
    let (needed, _) = marked(&bed, &mut bed.catalog());
    assert!(snapshots.iter().all(|snapshot| needed[&third].is_superset(&needed[&snapshot.origin.run])));
}

/// The set that the catalogue keeps for the nodes has the packs of the first group only, and nothing else
/// uses them.
#[test]
fn a_snapshot_of_a_group_keeps_packs_whose_chunks_an_unused_pack_has_too() {
    let bed = Bed::new();
    let grouped = |origin: &mut SessionOrigin| origin.dedup = DedupScope::Group;
    let first = bed.snapshot_with(FIRST, grouped).origin.run;
    let mut catalog = bed.catalog();
    marked(&bed, &mut catalog);
    let second = bed.snapshot_with(FIRST, grouped).origin.run;
    bed.update(&mut catalog);
    crate::forget::forget(&bed.repository, first, None).unwrap();
    let (needed, marks) = marked(&bed, &mut catalog);
    let own: BTreeSet<PackName> =
        bed.packs().iter().map(|(_, pack)| pack.name).filter(|name| name.run == second).collect();
    assert!(!own.is_empty() && needed[&second] == own, "{needed:?} instead of {own:?}");
    assert!(marks.unused(&bed.packs()).iter().all(|number| bed.packs().get(number).name.run == first));
}

#[test]
fn a_chunk_that_a_group_has_lost_is_needed_in_packs_of_other_groups() {
    let bed = Bed::new();
    let grouped = |origin: &mut SessionOrigin| origin.dedup = DedupScope::Group;
    let first = bed.snapshot_with(FIRST, grouped).origin.run;
    let second = bed.snapshot_with(FIRST, grouped).origin.run;
    for (_, pack) in bed.packs().iter().filter(|(_, pack)| pack.name.run == second) {
        bed.remove(&pack.pack.as_ref().unwrap().1.key);
        bed.remove(&pack.directory.as_ref().unwrap().key);
    }
    crate::forget::forget(&bed.repository, first, None).unwrap();
    let (needed, marks) = marked(&bed, &mut bed.catalog());
    assert!(!needed[&second].is_empty() && marks.unused(&bed.packs()).is_empty(), "{needed:?}");
}
