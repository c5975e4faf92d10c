use std::{collections::BTreeMap, os::unix::fs::FileExt, path::Path};

use icecore_format::{directory::PackDirectory, ids::RepositoryId};

use super::*;
use crate::samples::{REPOSITORY, directory};

fn open(cache: &Path) -> Catalog {
    Catalog::open(cache, REPOSITORY).unwrap().0
}

fn place(cache: &Path) -> PathBuf {
    cache.join(REPOSITORY.to_string())
}

/// Makes directories of 60 chunks on average.
fn directories(run: u8, count: u32) -> Vec<PackDirectory> {
    (0..count).map(|number| directory(run, number, 1 + number * 7 % 120)).collect()
}

fn names(directories: &[PackDirectory]) -> Vec<PackName> {
    directories.iter().map(|directory| directory.pack).collect()
}

fn chunks(directories: &[PackDirectory]) -> u64 {
    directories.iter().map(|directory| directory.chunks.len() as u64).sum()
}

/// Adds packs to the catalogue and to its table.
fn extend(catalog: &mut Catalog, directories: &[PackDirectory]) -> ChunkTable {
    catalog.add_directories(directories).unwrap();
    let table = catalog.chunk_table().unwrap();
    catalog.extend_chunk_table(table, &names(directories), chunks(directories), || true).unwrap();
    catalog.chunk_table().unwrap()
}

/// Compares all places in the table with the directories, and checks chunks that it does not contain.
fn check<'a>(table: &ChunkTable, directories: impl IntoIterator<Item = &'a PackDirectory>) {
    let mut expected: BTreeMap<ChunkId, Vec<(PackName, u32)>> = BTreeMap::new();
    for directory in directories {
        for (chunk, position) in directory.chunks.iter().zip(0..) {
            expected.entry(chunk.id).or_default().push((directory.pack, position));
        }
    }
    for (id, mut places) in expected {
        let found = table.places_of(&id).unwrap();
        let mut found: Vec<_> =
            found.iter().map(|place| (table.pack(place.pack).unwrap().name, place.position)).collect();
        found.sort_unstable();
        places.sort_unstable();
        assert_eq!(found, places);
    }
    for number in 0..2_000u32 {
        let id = ChunkId::from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..24]).unwrap();
        assert_eq!(table.places_of(&id).unwrap(), []);
    }
}

fn files(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(place(cache)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("chunks") && name != LOCK);
    names.sort_unstable();
    names
}

#[test]
fn every_chunk_is_found_where_it_is() {
    let cache = tempfile::tempdir().unwrap();
    let directories = directories(1, 200);
    let table = extend(&mut open(cache.path()), &directories);
    assert_eq!((table.runs(), table.places()), (1, chunks(&directories)));
    check(&table, &directories);
    for (row, directory) in table.packs().zip(&directories) {
        let (bytes, count) =
            (directory.checksum.map(|checksum| checksum.bytes), directory.chunks.len() as u32);
        let expected = TablePack {
            name: directory.pack,
            group: directory.group,
            kind: directory.kind,
            bytes,
            chunks: count,
        };
        assert_eq!(*row, expected);
    }
    assert_eq!(table.pack(200), None);
    check(&open(cache.path()).chunk_table().unwrap(), &directories);
}

#[test]
fn few_chunks_are_found_too() {
    for count in [0, 1, 2, 3, 126, 127, 128, 254, 255] {
        let cache = tempfile::tempdir().unwrap();
        let directories = [directory(1, 2, count)];
        let table = extend(&mut open(cache.path()), &directories);
        assert_eq!(table.places(), u64::from(count));
        check(&table, &directories);
    }
}

#[test]
fn a_chunk_in_many_packs_has_all_its_places() {
    let cache = tempfile::tempdir().unwrap();
    // More places than fit on a page, which begin and end in the middle of pages.
    let directories: Vec<PackDirectory> = (0..700)
        .map(|number| {
            let mut directory = directory(1, number, 3);
            directory.chunks[1].id = ChunkId([128; 24]);
            directory
        })
        .collect();
    let table = extend(&mut open(cache.path()), &directories);
    check(&table, &directories);
    assert_eq!(table.places_of(&ChunkId([128; 24])).unwrap().len(), 700);
}

#[test]
fn partitions_are_read_back_from_the_temporary_file() {
    let cache = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::begin(&cache.path().join("spill"), 5 << 19).unwrap();
    let ids: Vec<[u8; 24]> = (0..60_000u32)
        .map(|number| blake3::hash(&number.to_le_bytes()).as_bytes()[..24].try_into().unwrap())
        .collect();
    for (id, number) in ids.iter().zip(0..) {
        writer.push(id, number / 100, number % 100).unwrap();
    }
    let path = cache.path().join("run");
    writer.finish(&path, REPOSITORY, 3, &[unknown_pack(directory(1, 0, 0).pack)]).unwrap();
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    let run = Run::open(&path, REPOSITORY, 3).unwrap();
    let mut false_positives = 0;
    for (id, number) in ids.iter().zip(0..) {
        let mut found = Vec::new();
        assert!(run.may_have(&ChunkId(*id)));
        run.places_of(&ChunkId(*id), |pack, position| found.push((pack, position))).unwrap();
        assert_eq!(found, [(number / 100, number % 100)]);
        let mut other = *id;
        other[3] ^= 1;
        false_positives += usize::from(run.may_have(&ChunkId(other)));
    }
    assert!(false_positives < 600, "{false_positives} of 60000: the filter is there to avoid reading");
    assert!(Run::open(&path, REPOSITORY, 4).is_err() && Run::open(&path, RepositoryId([8; 16]), 3).is_err());
}

#[test]
fn runs_stay_few() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    let mut all = Vec::new();
    for run in 1..30 {
        let added = directories(run, 5);
        let table = extend(&mut catalog, &added);
        all.extend(added);
        assert!(table.runs() <= 5, "{} runs", table.runs());
        assert_eq!(table.places(), chunks(&all));
        assert_eq!(files(cache.path()).len(), table.runs(), "nothing is left of runs that were joined");
    }
    check(&catalog.chunk_table().unwrap(), &all);
}

#[test]
fn packs_that_are_gone_leave_with_the_next_run() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    let old = directories(1, 40);
    extend(&mut catalog, &old);
    catalog.remove_packs(&names(&old[..30])).unwrap();
    let new = directories(2, 1);
    let table = extend(&mut catalog, &new);
    assert_eq!(table.runs(), 1, "most of the run was gone");
    check(&table, old[30..].iter().chain(&new));
}

#[test]
fn somebody_elses_change_is_kept() {
    let cache = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (open(cache.path()), open(cache.path()));
    let (first, second) = (directories(1, 20), directories(2, 20));
    extend(&mut one, &first);
    let stale = other.chunk_table().unwrap();
    let kept = other.chunk_table().unwrap();
    extend(&mut one, &second);
    other
        .extend_chunk_table(stale, &names(&second), chunks(&second), || panic!("nothing is written"))
        .unwrap();
    check(&kept, &first);
    check(&other.chunk_table().unwrap(), first.iter().chain(&second));
}

#[test]
fn what_is_stopped_leaves_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    let directories = directories(1, 20);
    catalog.add_directories(&directories).unwrap();
    let table = catalog.chunk_table().unwrap();
    let mut left = 3;
    let proceed = || {
        left -= 1;
        left > 0
    };
    catalog.extend_chunk_table(table, &names(&directories), 1_000, proceed).unwrap();
    assert_eq!((files(cache.path()), catalog.chunk_table().unwrap().runs()), (vec![], 0));
}

#[test]
fn files_that_are_not_listed_are_removed_and_their_numbers_not_used() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    extend(&mut catalog, &directories(1, 20));
    fs::write(place(cache.path()).join("chunks-7"), b"left by a crash").unwrap();
    fs::write(place(cache.path()).join("chunks-x"), b"somebody's note").unwrap();
    catalog.chunk_table().unwrap();
    assert_eq!(files(cache.path()), ["chunks-1", "chunks-x"]);
}

#[test]
fn a_damaged_run_is_left_out() {
    let directories = directories(1, 30);
    let changes: [fn(&mut Vec<u8>); 7] = [
        Vec::clear,
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| drop(bytes.drain(..4096)),
        |bytes| drop(bytes.splice(..0, [0; 4096])),
        // In the tail: its last byte, its first bytes, the length of the tail.
        |bytes| bytes.iter_mut().rev().nth(48).into_iter().for_each(|byte| *byte ^= 1),
        |bytes| {
            let length = u64::from_le_bytes(bytes[bytes.len() - 48..][..8].try_into().unwrap());
            let start = bytes.len() - 48 - length as usize;
            bytes[start + 24] ^= 1;
        },
        |bytes| {
            let length = bytes.len();
            bytes[length - 48 + 5] = 1;
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let cache = tempfile::tempdir().unwrap();
        let mut catalog = open(cache.path());
        extend(&mut catalog, &directories);
        let path = place(cache.path()).join("chunks-1");
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        assert_eq!(catalog.chunk_table().unwrap().runs(), 0, "change {number}");
        assert!(files(cache.path()).is_empty());
        check(&extend(&mut catalog, &directories), &directories);
    }
}

#[test]
fn no_changed_byte_gives_a_wrong_place() {
    let cache = tempfile::tempdir().unwrap();
    let directories = [directory(1, 2, 9), directory(1, 3, 5)];
    extend(&mut open(cache.path()), &directories);
    let path = place(cache.path()).join("chunks-1");
    let bytes = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for (byte, offset) in bytes.iter().zip(0..) {
        file.write_all_at(&[byte ^ 0x21], offset).unwrap();
        let run = Run::open(&path, REPOSITORY, 1);
        assert_eq!(run.is_ok(), offset < 4096, "byte {offset}");
        if let Ok(run) = run {
            for chunk in directories.iter().flat_map(|directory| &directory.chunks) {
                assert!(run.places_of(&chunk.id, |_, _| panic!("byte {offset}")).is_err());
            }
        }
        file.write_all_at(&[*byte], offset).unwrap();
    }
    check(&open(cache.path()).chunk_table().unwrap(), &directories);
}

#[test]
fn a_damaged_page_is_noticed_and_made_anew() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    let (first, second) = (directories(1, 40), directories(2, 10));
    extend(&mut catalog, &first);
    let table = extend(&mut catalog, &second);
    assert_eq!(table.runs(), 2);
    let pages = chunks(&first).div_ceil(127);
    let file = fs::OpenOptions::new().write(true).open(place(cache.path()).join("chunks-1")).unwrap();
    for page in 0..pages {
        file.write_all_at(&[page as u8 ^ 0x55], page * 4096 + 100 + page).unwrap();
    }
    let damaged: Vec<ChunkId> = first
        .iter()
        .flat_map(|directory| &directory.chunks)
        .map(|chunk| chunk.id)
        .filter(|id| table.places_of(id).is_err_and(|error| error.is_corruption()))
        .collect();
    assert_eq!(damaged.len() as u64, chunks(&first), "no page can be read");
    // A pack that no longer exists keeps its number.
    catalog.remove_packs(&names(&first[3..4])).unwrap();
    let repaired = catalog.repair_chunk_table(&table).unwrap();
    let numbers = |table: &ChunkTable| table.packs().map(|pack| pack.name).collect::<Vec<_>>();
    assert_eq!(numbers(&repaired), numbers(&table));
    let rest = || first[..3].iter().chain(&first[4..]).chain(&second);
    check(&repaired, rest());
    check(&catalog.chunk_table().unwrap(), rest());
}

#[test]
fn pages_in_the_place_of_others_are_noticed() {
    let cache = tempfile::tempdir().unwrap();
    let directories = directories(1, 40);
    let table = extend(&mut open(cache.path()), &directories);
    let path = place(cache.path()).join("chunks-1");
    let bytes = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&bytes[4096..8192], 0).unwrap();
    let ids = directories.iter().flat_map(|directory| &directory.chunks).map(|chunk| chunk.id);
    // All chunks of a page, and the first of the next page, which might also be the last of this one.
    assert_eq!(ids.filter(|id| table.places_of(id).is_err()).count(), 128);
}

#[test]
fn a_damaged_row_is_not_in_the_table() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    let directories = directories(1, 10);
    catalog.add_directories(&directories).unwrap();
    catalog.connection().execute("UPDATE packs SET directory = zeroblob(9) WHERE number = 4", []).unwrap();
    let table = catalog.chunk_table().unwrap();
    catalog.extend_chunk_table(table, &names(&directories), 100, || true).unwrap();
    let table = catalog.chunk_table().unwrap();
    assert_eq!(table.pack(4).map(|pack| pack.chunks), Some(0));
    check(&table, directories[..4].iter().chain(&directories[5..]));
    assert_eq!(catalog.known_packs().unwrap().len(), 9, "its directory is fetched again");
}

#[test]
fn a_catalogue_that_is_replaced_has_no_table() {
    let cache = tempfile::tempdir().unwrap();
    let mut catalog = open(cache.path());
    extend(&mut catalog, &directories(1, 10));
    catalog.start_over().unwrap();
    assert_eq!((catalog.chunk_table().unwrap().runs(), files(cache.path()).len()), (0, 0));
    let mut memory = Catalog::in_memory(REPOSITORY).unwrap();
    assert_eq!(memory.chunk_table().unwrap().runs(), 0);
    assert!(memory.another().unwrap().is_none());
}
