use std::{fs, path::Path};

use icecore_format::{
    ids::RunId,
    layout::{DATA_PREFIX, PACKS_PREFIX, directory_key},
};
use icecore_store::{meter::MeterStore, method::Method};

use super::{
    memory_index::{MemoryIndex, push_sparingly},
    *,
};
use crate::bed::{Bed, add, commit, noises, write_files, write_manifest};

/// Contents of two snapshots of one group each.
fn two_runs(bed: &Bed) -> (Vec<Vec<u8>>, [GroupId; 2]) {
    let contents = noises(40, 10_000, 1);
    let groups = [&contents[..20], &contents[20..]].map(|part| bed.snapshot(part).origin.group);
    (contents, groups)
}

/// Returns how many of the contents are in the index, and reads each of them.
fn readable(bed: &Bed, index: ChunkIndex, contents: &[Vec<u8>]) -> usize {
    let reader = crate::reader::ChunkReader::new(bed.repository.clone(), Arc::new(index.into()), 16 << 20);
    let found = contents.iter().filter(|content| {
        let id = bed.repository.keys().chunk_id(content);
        let chunk = icecore_format::entry::ChunkRef { id, length: content.len() as u32 };
        match reader.read(&chunk) {
            Ok(read) => {
                assert_eq!(*read, ***content);
                true
            }
            Err(RepoError::MissingChunk { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
    found.count()
}

fn open(cache: &Path, bed: &Bed) -> Catalog {
    Catalog::open(cache, bed.repository.id()).unwrap().0
}

fn database(cache: &Path, bed: &Bed) -> std::path::PathBuf {
    cache.join(bed.repository.id().to_string()).join("catalogue.sqlite")
}

/// Loads the index and returns it with the number of objects that were fetched for it.
fn load(bed: &Bed, catalog: &mut Catalog, group: Option<GroupId>) -> (LoadedIndex, u64) {
    let meter = MeterStore::new(bed.store());
    let repository = bed.repository.on_store(Arc::new(meter.clone()));
    let loaded = load_index(&repository, catalog, group).unwrap();
    (loaded, meter.usage().of_method(Method::Get).calls)
}

#[test]
fn catalogue_and_store_give_the_same_index() {
    for bed in Bed::in_both_modes() {
        let (contents, _) = two_runs(&bed);
        let cache = tempfile::tempdir().unwrap();
        let (cold, fetched) = load(&bed, &mut open(cache.path(), &bed), None);
        assert_eq!(fetched, 4);
        let (warm, fetched) = load(&bed, &mut open(cache.path(), &bed), None);
        assert_eq!(fetched, 0, "the catalogue has everything");
        for loaded in [&cold, &warm] {
            assert!(loaded.damaged.is_empty());
            assert_eq!((loaded.index.packs().len(), loaded.index.chunk_rows()), (4, warm.index.chunk_rows()));
        }
        for content in &contents {
            let id = bed.repository.keys().chunk_id(content);
            let (cold, warm) =
                (cold.index.locate(&id).unwrap().unwrap(), warm.index.locate(&id).unwrap().unwrap());
            assert_eq!((cold.offset, cold.length), (warm.offset, warm.length));
        }
        assert_eq!(readable(&bed, cold.index, &contents), 40);
        assert_eq!(readable(&bed, warm.index, &contents), 40);
        bed.snapshot(&noises(1, 100, 9));
        assert_eq!(load(&bed, &mut open(cache.path(), &bed), None).1, 2, "only what is new is fetched");
    }
}

#[test]
fn an_index_of_one_group_has_its_packs_only() {
    for bed in Bed::in_both_modes() {
        let (contents, groups) = two_runs(&bed);
        let mut catalog = bed.catalog();
        for (group, range) in [(groups[0], 0..20), (groups[1], 20..40)] {
            let (loaded, _) = load(&bed, &mut catalog, Some(group));
            assert_eq!(loaded.index.packs().len(), 2);
            assert!(loaded.index.packs().iter().all(|pack| pack.group == group));
            for (number, content) in contents.iter().enumerate() {
                let id = bed.repository.keys().chunk_id(content);
                assert_eq!(loaded.index.contains(&id), range.contains(&number));
            }
            assert_eq!(readable(&bed, loaded.index, &contents), 20);
        }
        assert_eq!(load(&bed, &mut catalog, Some(RunId([9; 16]))).0.index.chunk_rows(), 0);
    }
}

#[test]
fn a_pack_that_is_gone_is_forgotten() {
    for bed in Bed::in_both_modes() {
        let (contents, groups) = two_runs(&bed);
        let mut catalog = bed.catalog();
        load(&bed, &mut catalog, None);
        for pack in bed.index().packs().iter().filter(|pack| pack.group == groups[0]) {
            bed.remove(&directory_key(pack.name));
        }
        let (loaded, fetched) = load(&bed, &mut catalog, None);
        assert_eq!(fetched, 0);
        assert_eq!(readable(&bed, loaded.index, &contents), 20);
        assert_eq!(catalog.known_packs().unwrap().len(), 2);
    }
}

#[test]
fn a_damaged_directory_is_reported_and_its_chunks_are_absent() {
    for bed in Bed::in_both_modes() {
        let (contents, _) = two_runs(&bed);
        let data = bed.keys_under(DATA_PREFIX).remove(0);
        let key = format!("{PACKS_PREFIX}{}", data.rsplit('/').next().unwrap());
        let intact = bed.get(&key);
        let foreign = Bed::seeded(2);
        two_runs(&foreign);
        let replacements: Vec<Vec<u8>> = vec![
            Vec::new(),
            intact[..50].to_vec(),
            intact[..intact.len() - 1].to_vec(),
            [&intact[..], b"x"].concat(),
            intact.iter().rev().copied().collect(),
            bed.get(bed.keys_under(PACKS_PREFIX).iter().find(|other| **other != key).unwrap()),
            foreign.get(&foreign.keys_under(PACKS_PREFIX)[0]),
            bed.get("icecore"),
        ];
        for (number, bytes) in replacements.into_iter().enumerate() {
            bed.set(&key, bytes);
            let mut catalog = bed.catalog();
            for _ in 0..2 {
                let (loaded, _) = load(&bed, &mut catalog, None);
                let [(damaged, RepoError::Object { .. })] = loaded.damaged.as_slice() else {
                    panic!("replacement {number}: {:?}", loaded.damaged)
                };
                assert_eq!(*damaged, key);
                assert_eq!(readable(&bed, loaded.index, &contents), 20, "replacement {number}");
            }
            // A writer uploads again what it needs.
            let mut session = bed.session();
            let new = contents.iter().filter(|content| add(&mut session, content).unwrap().1).count();
            assert_eq!(new, 20);
        }
        bed.set(&key, intact);
        assert_eq!(readable(&bed, bed.index(), &contents), 40);
    }
}

#[test]
fn foreign_objects_among_the_directories_are_ignored() {
    for bed in Bed::in_both_modes() {
        let (contents, _) = two_runs(&bed);
        for name in ["note.txt", "00", "-1", "0123456789abcdef0123456789abcdef-", "a/b"] {
            bed.set(&format!("{PACKS_PREFIX}{name}"), vec![1, 2, 3]);
        }
        let (loaded, _) = load(&bed, &mut bed.catalog(), None);
        assert!(loaded.damaged.is_empty());
        assert_eq!(readable(&bed, loaded.index, &contents), 40);
    }
}

#[test]
fn damaged_rows_of_the_catalogue_are_fetched_again() {
    for bed in Bed::in_both_modes() {
        let (contents, _) = two_runs(&bed);
        let ids = [0, 39].map(|number: usize| bed.repository.keys().chunk_id(&contents[number]));
        for damaged in [1, 2] {
            let cache = tempfile::tempdir().unwrap();
            load(&bed, &mut open(cache.path(), &bed), None);
            let path = database(cache.path(), &bed);
            let mut bytes = fs::read(&path).unwrap();
            for id in &ids[..damaged] {
                let position = bytes.windows(ChunkId::BYTES).position(|window| window == id.0).unwrap();
                bytes[position] ^= 1;
            }
            fs::write(&path, bytes).unwrap();
            let mut catalog = open(cache.path(), &bed);
            let (loaded, fetched) = load(&bed, &mut catalog, None);
            assert!(loaded.damaged.is_empty());
            // With an index on disk, this shows only when the directory is needed.
            let on_disk = loaded.index.is_on_disk();
            assert_eq!(fetched, if on_disk { 0 } else { damaged as u64 });
            assert_eq!(readable(&bed, loaded.index, &contents), 40);
            assert_eq!(load(&bed, &mut catalog, None).1, if on_disk { damaged as u64 } else { 0 });
            assert_eq!(load(&bed, &mut catalog, None).1, 0, "the row is right again");
        }
    }
}

#[test]
fn a_damaged_row_whose_directory_is_damaged_too_is_reported() {
    for bed in Bed::in_both_modes() {
        let (contents, _) = two_runs(&bed);
        let cache = tempfile::tempdir().unwrap();
        load(&bed, &mut open(cache.path(), &bed), None);
        let id = bed.repository.keys().chunk_id(&contents[0]);
        let index = bed.index();
        let key = directory_key(index.block(index.locate(&id).unwrap().unwrap().block).unwrap().0.name);
        bed.damage(&key, |bytes| bytes[60] ^= 1);
        let path = database(cache.path(), &bed);
        let mut bytes = fs::read(&path).unwrap();
        let position = bytes.windows(ChunkId::BYTES).position(|window| window == id.0).unwrap();
        bytes[position] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (loaded, _) = load(&bed, &mut open(cache.path(), &bed), None);
        let expected: &[&String] = if loaded.index.is_on_disk() { &[] } else { &[&key] };
        assert_eq!(loaded.damaged.iter().map(|(key, _)| key).collect::<Vec<_>>(), expected);
        assert_eq!(readable(&bed, loaded.index, &contents), 20);
    }
}

#[test]
fn nothing_fails_because_of_the_catalogue() {
    for bed in Bed::in_both_modes() {
        let (contents, _) = two_runs(&bed);
        let changes: [fn(&Path); 6] = [
            // All but the page with the schema.
            |path| {
                let bytes = fs::read(path).unwrap();
                fs::write(path, [&bytes[..4_096], &vec![0x5a; bytes.len() - 4_096]].concat()).unwrap();
            },
            |path| fs::remove_file(path).unwrap(),
            |path| fs::write(path, b"garbage").unwrap(),
            |path| fs::write(path, vec![0x5a; 200_000]).unwrap(),
            |path| {
                let bytes = fs::read(path).unwrap();
                fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            },
            |path| fs::remove_dir_all(path.parent().unwrap()).unwrap(),
        ];
        for (number, change) in changes.iter().enumerate() {
            let cache = tempfile::tempdir().unwrap();
            load(&bed, &mut open(cache.path(), &bed), None);
            // While the handle is open, and before it reads the damaged page.
            let mut catalog = open(cache.path(), &bed);
            change(&database(cache.path(), &bed));
            for _ in 0..2 {
                let (loaded, _) = load(&bed, &mut catalog, None);
                assert_eq!(readable(&bed, loaded.index, &contents), 40, "change {number}");
                let list = crate::snapshots::list(&bed.repository, &mut catalog).unwrap();
                assert_eq!(list.complete(None).count(), 2);
            }
            // A run that adds packs still commits.
            let repository = bed.repository.clone();
            let options = crate::session::WriteOptions::default();
            let mut session =
                crate::session::WriteSession::begin(repository, &mut catalog, crate::bed::origin(), options)
                    .unwrap();
            let root = write_files(&mut session, &noises(1, 5_000, 100 + number as u64)).unwrap();
            commit(session, &root).unwrap();
            for snapshot in bed.snapshots().complete(None).skip(2) {
                bed.remove(&icecore_format::layout::snapshot_key(snapshot.origin.run));
            }
        }
    }
}

#[test]
fn a_chunk_in_two_packs_is_found_at_its_first_place() {
    for bed in Bed::in_both_modes() {
        let contents = noises(10, 3_000, 1);
        let (mut first, mut second) = (bed.session(), bed.session());
        // The same chunks in another order, so that their offsets differ.
        let root = write_files(&mut first, &contents).unwrap();
        for content in contents.iter().rev() {
            add(&mut second, content).unwrap();
        }
        let empty = write_manifest(&mut second, &[]).unwrap();
        commit(first, &root).unwrap();
        commit(second, &empty).unwrap();
        let index = bed.index();
        assert!(index.chunk_rows() > 20);
        for content in &contents {
            let location = index.locate(&bed.repository.keys().chunk_id(content)).unwrap().unwrap();
            let (pack, block) = index.block(location.block).unwrap();
            assert!((location.block.ordinal() as usize) < pack.block_count());
            assert_eq!(location.block_bytes, block.plain_bytes);
            assert!(location.offset + location.length <= block.plain_bytes);
            let sum: u32 = index.block_chunks(location.block).unwrap().iter().map(|chunk| chunk.length).sum();
            assert_eq!(sum, block.plain_bytes);
        }
        assert_eq!(index.packs().len(), 4);
        assert_eq!(readable(&bed, index, &contents), 10);
    }
}

#[test]
fn what_is_on_its_way_is_known_and_has_no_place() {
    for bed in Bed::in_both_modes() {
        let contents = noises(3, 1_000, 1);
        let ids: Vec<ChunkId> =
            contents.iter().map(|content| bed.repository.keys().chunk_id(content)).collect();
        bed.snapshot(&noises(5, 700, 2));
        let mut index = bed.index();
        for id in &ids {
            assert!(!index.contains(id));
            assert!(index.insert_pending(*id));
            assert!(!index.insert_pending(*id));
            assert!(index.contains(id) && index.locate(id).unwrap().is_none());
            assert!(index.copies(id).is_empty());
        }
        bed.snapshot(&contents);
        let index = bed.index();
        for (number, id) in ids.iter().enumerate() {
            let location = index.locate(id).unwrap().unwrap();
            assert_eq!((location.offset, location.length), (number as u32 * 1_000, 1_000));
        }
    }
}

#[test]
fn a_chunk_takes_forty_bytes_at_most() {
    let bed = Bed::new();
    let keys = bed.repository.keys();
    // Just above a power of two, the table has twice the slots that it needs.
    for chunks in [30_000u32, 57_344, 57_345, 120_000] {
        let mut index = MemoryIndex::default();
        for number in 0..chunks {
            push_sparingly(&mut index.lengths, 1);
            index.insert(keys.chunk_id(&number.to_le_bytes()));
        }
        index.shrink();
        let lists = index.ids.capacity() * ChunkId::BYTES + index.lengths.capacity() * 4;
        let bytes = lists + index.table.allocation_size();
        assert!(bytes as u64 <= u64::from(chunks) * CHUNK_MEMORY_BYTES, "{bytes} bytes for {chunks} chunks");
    }
}
