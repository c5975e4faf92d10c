use std::{
    fs,
    path::{Path, PathBuf},
};

use icecore_format::{entry::ChunkRef, layout::DATA_PREFIX};
use icecore_store::{meter::MeterStore, method::Method};

use super::*;
use crate::{
    bed::{Bed, add, commit, noises, origin, write_files},
    index::{ChunkIndex, load_index},
    reader::ChunkReader,
    session::{WriteOptions, WriteSession},
};

/// A repository with two snapshots, whose index is on disk.
struct OnDisk {
    bed: Bed,
    cache: tempfile::TempDir,
    contents: Vec<Vec<u8>>,
}

impl OnDisk {
    fn new() -> Self {
        let [_, bed] = Bed::in_both_modes();
        let contents = noises(40, 10_000, 1);
        bed.snapshot(&contents[..20]);
        bed.snapshot(&contents[20..]);
        Self { bed, cache: tempfile::tempdir().unwrap(), contents }
    }

    fn catalog(&self) -> Catalog {
        Catalog::open(self.cache.path(), self.bed.repository.id()).unwrap().0
    }

    fn load(&self) -> ChunkIndex {
        let index = load_index(&self.bed.repository, &mut self.catalog(), None).unwrap().index;
        assert!(index.is_on_disk());
        index
    }

    fn id(&self, number: usize) -> ChunkId {
        self.bed.repository.keys().chunk_id(&self.contents[number])
    }

    fn check(&self, index: ChunkIndex) {
        for number in 0..40 {
            assert!(index.contains(&self.id(number)));
        }
        let reader = ChunkReader::new(self.bed.repository.clone(), Arc::new(index.into()), 16 << 20);
        for (content, number) in self.contents.iter().zip(0..) {
            let chunk = ChunkRef { id: self.id(number), length: content.len() as u32 };
            assert_eq!(*reader.read(&chunk).unwrap(), **content);
        }
    }

    fn runs(&self) -> Vec<PathBuf> {
        let place = self.cache.path().join(self.bed.repository.id().to_string());
        let paths = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("chunks-")).collect()
    }
}

/// Changes the first byte of the first page: its first chunk would not be found.
fn damage(run: &Path) {
    let mut bytes = fs::read(run).unwrap();
    bytes[32] ^= 1;
    fs::write(run, bytes).unwrap();
}

#[test]
fn what_is_loaded_again_is_used_as_it_is() {
    let on_disk = OnDisk::new();
    on_disk.check(on_disk.load());
    let runs = on_disk.runs();
    assert_eq!(runs.len(), 1);
    let written = fs::metadata(&runs[0]).unwrap().modified().unwrap();
    on_disk.check(on_disk.load());
    assert_eq!(on_disk.runs(), runs);
    assert_eq!(fs::metadata(&runs[0]).unwrap().modified().unwrap(), written);
}

#[test]
fn the_limit_decides_what_is_on_disk() {
    let on_disk = OnDisk::new();
    let rows = on_disk.load().chunk_rows();
    for (limit, expected) in [(rows, false), (rows - 1, true)] {
        let cache = tempfile::tempdir().unwrap();
        let repository = on_disk.bed.repository.clone().with_index_chunks_max(limit);
        let load = || {
            let mut catalog = Catalog::open(cache.path(), repository.id()).unwrap().0;
            load_index(&repository, &mut catalog, None).unwrap().index
        };
        let index = load();
        assert_eq!((index.is_on_disk(), index.chunk_rows()), (expected, rows));
        on_disk.check(index);
        if expected {
            // New chunks stay in memory while there is room.
            let new = noises(3, 5_000, 7);
            on_disk.bed.snapshot(&new);
            let index = load();
            assert!(index.disk.as_ref().is_some_and(|disk| disk.chunk_rows() == rows));
            assert!(index.memory.chunk_rows() >= 3);
            let id = on_disk.bed.repository.keys().chunk_id(&new[0]);
            let location = index.locate(&id).unwrap().unwrap();
            assert_eq!((location.offset, location.length), (0, 5_000));
            assert_eq!(index.copies(&id), [location]);
            assert_eq!(index.packs().len(), 6);
            on_disk.check(index);
        }
    }
}

#[test]
fn a_catalogue_in_memory_has_its_index_in_memory() {
    let on_disk = OnDisk::new();
    let mut catalog = Catalog::in_memory(on_disk.bed.repository.id()).unwrap();
    let index = load_index(&on_disk.bed.repository, &mut catalog, None).unwrap().index;
    assert!(!index.is_on_disk());
    on_disk.check(index);
}

#[test]
fn a_page_that_is_damaged_while_it_is_used_is_made_anew() {
    let on_disk = OnDisk::new();
    let index = on_disk.load();
    damage(&on_disk.runs()[0]);
    on_disk.check(index);
    on_disk.check(on_disk.load());
}

#[test]
fn what_cannot_be_found_out_is_stored_again() {
    let on_disk = OnDisk::new();
    let index = on_disk.load();
    damage(&on_disk.runs()[0]);
    fs::remove_dir_all(on_disk.cache.path()).unwrap();
    fs::write(on_disk.cache.path(), b"no directory").unwrap();
    let known = (0..40).filter(|number| index.contains(&on_disk.id(*number))).count();
    assert!(known < 40, "a page that fails its checksum is not believed");
    let locations: Vec<_> = (0..40).map(|number| index.locate(&on_disk.id(number))).collect();
    assert!(locations.iter().any(|location| matches!(location, Err(RepoError::Catalog(_)))));
    fs::remove_file(on_disk.cache.path()).unwrap();
}

#[test]
fn directories_that_the_catalogue_has_lost_come_from_the_store() {
    let on_disk = OnDisk::new();
    let meter = MeterStore::new(on_disk.bed.store());
    let repository = on_disk.bed.repository.on_store(Arc::new(meter.clone()));
    let index = load_index(&repository, &mut on_disk.catalog(), None).unwrap().index;
    let mut other = on_disk.catalog();
    let known = other.known_packs().unwrap();
    other.remove_packs(&known).unwrap();
    let before = meter.usage().of_method(Method::Get).calls;
    for number in 0..40 {
        assert!(index.locate(&on_disk.id(number)).unwrap().is_some());
    }
    assert_eq!(meter.usage().of_method(Method::Get).calls - before, 2, "each directory is fetched once");
    on_disk.check(index);
}

#[test]
fn an_open_index_outlives_its_files() {
    let on_disk = OnDisk::new();
    let index = on_disk.load();
    on_disk.bed.snapshot(&noises(60, 3_000, 8));
    let newer = on_disk.load();
    assert!(newer.chunk_rows() > index.chunk_rows());
    on_disk.catalog().start_over().unwrap();
    on_disk.load();
    on_disk.check(index);
    on_disk.check(newer);
}

#[test]
fn a_pack_that_is_lost_does_not_count_for_a_writer() {
    let on_disk = OnDisk::new();
    on_disk.load();
    let lost = on_disk.bed.keys_under(DATA_PREFIX).remove(0);
    on_disk.bed.remove(&lost);
    let repository = on_disk.bed.repository.clone();
    let mut catalog = on_disk.catalog();
    let mut session =
        WriteSession::begin(repository, &mut catalog, origin(), WriteOptions::default()).unwrap();
    assert!(session.index().read().unwrap().is_on_disk());
    let new = on_disk.contents.iter().filter(|content| add(&mut session, content).unwrap().1).count();
    assert_eq!(new, 20);
    let root = write_files(&mut session, &on_disk.contents).unwrap();
    commit(session, &root).unwrap();
    assert_eq!(on_disk.bed.read_everything().last(), Some(&on_disk.contents));
}

#[test]
fn several_threads_use_one_index() {
    let on_disk = OnDisk::new();
    let index = on_disk.load();
    damage(&on_disk.runs()[0]);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (index, on_disk) = (&index, &on_disk);
            scope.spawn(move || {
                for number in (0..40).map(|number| (number + 10 * thread) % 40) {
                    assert!(index.contains(&on_disk.id(number)));
                    assert!(index.locate(&on_disk.id(number)).unwrap().is_some());
                }
            });
        }
    });
    on_disk.check(index);
}
