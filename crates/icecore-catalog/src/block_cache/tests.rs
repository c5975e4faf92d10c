use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use icecore_format::ids::RunId;

use super::*;
use crate::{remove_unused, samples::REPOSITORY};

const LENGTH: u32 = 1_000;
const ROOM_FOR_TEN: u64 = 10 * LENGTH as u64;

fn pack(number: u32) -> PackName {
    PackName { run: RunId([3; 16]), number }
}

fn open(directory: &Path, bytes_max: u64) -> BlockCache {
    let (catalog, _) = Catalog::open(directory, REPOSITORY).unwrap();
    BlockCache::beside(&catalog, bytes_max).unwrap()
}

fn block(number: u32) -> Vec<u8> {
    vec![number as u8; LENGTH as usize]
}

fn put(cache: &BlockCache, numbers: std::ops::Range<u32>) {
    numbers.for_each(|number| cache.put(pack(1), number, &block(number)));
}

/// Returns which of the first blocks another process finds.
fn kept(directory: &Path, numbers: std::ops::Range<u32>) -> Vec<u32> {
    numbers.filter(|number| path(directory, *number).exists()).collect()
}

fn path(directory: &Path, number: u32) -> PathBuf {
    directory.join(REPOSITORY.to_string()).join(file_name(pack(1), number))
}

/// Makes a block look as if it had been used `hours` hours ago.
fn age(directory: &Path, number: u32, hours: u64) {
    let file = fs::File::open(path(directory, number)).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - Duration::from_hours(hours)).unwrap();
}

#[test]
fn a_block_is_there_for_the_next_command() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path(), ROOM_FOR_TEN);
    assert_eq!(cache.get(pack(1), 4, LENGTH), None);
    put(&cache, 4..5);
    for cache in [&cache, &open(directory.path(), ROOM_FOR_TEN)] {
        assert_eq!(cache.get(pack(1), 4, LENGTH), Some(block(4)));
        assert_eq!(cache.get(pack(2), 4, LENGTH), None);
        assert_eq!(cache.get(pack(1), 5, LENGTH), None);
    }
    let mode = fs::metadata(path(directory.path(), 4)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    cache.remove(pack(1), 4);
    assert_eq!(cache.get(pack(1), 4, LENGTH), None);
}

#[test]
fn there_is_none_beside_a_catalogue_in_memory() {
    let catalog = Catalog::in_memory(REPOSITORY).unwrap();
    assert!(BlockCache::beside(&catalog, ROOM_FOR_TEN).is_none());
}

#[test]
fn what_was_used_longest_ago_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    put(&open(directory, ROOM_FOR_TEN), 0..10);
    (0..10).for_each(|number| age(directory, number, 20 - u64::from(number)));
    let cache = open(directory, ROOM_FOR_TEN);
    assert_eq!(cache.get(pack(1), 0, LENGTH), Some(block(0)), "it is used now");
    put(&cache, 10..11);
    assert_eq!(kept(directory, 0..11), [0, 4, 5, 6, 7, 8, 9, 10], "some more is freed");
    put(&cache, 11..12);
    assert_eq!(kept(directory, 0..12), [0, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn a_manifest_that_is_too_large_does_not_push_out_its_own_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path(), ROOM_FOR_TEN);
    put(&cache, 0..30);
    assert_eq!(kept(directory.path(), 0..30), (0..10).collect::<Vec<_>>());
    let again = open(directory.path(), ROOM_FOR_TEN);
    assert_eq!((0..30).filter(|number| again.get(pack(1), *number, LENGTH).is_some()).count(), 10);
    put(&again, 10..30);
    assert_eq!(kept(directory.path(), 0..30), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_block_that_is_too_large_for_the_cache_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path(), 3 * u64::from(LENGTH));
    put(&cache, 0..1);
    assert_eq!(kept(directory.path(), 0..1), []);
}

#[test]
fn a_block_of_another_length_is_absent_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    for damaged in [Vec::new(), block(0)[..999].to_vec(), vec![0; 1_001]] {
        let cache = open(directory, ROOM_FOR_TEN);
        put(&cache, 0..1);
        fs::write(path(directory, 0), damaged).unwrap();
        assert_eq!(cache.get(pack(1), 0, LENGTH), None);
        assert_eq!(kept(directory, 0..1), []);
    }
}

#[test]
fn a_directory_that_is_gone_or_cannot_be_written_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path(), ROOM_FOR_TEN);
    put(&cache, 0..2);
    fs::remove_dir_all(directory.path().join(REPOSITORY.to_string())).unwrap();
    assert_eq!(cache.get(pack(1), 0, LENGTH), None);
    put(&cache, 2..3);
    cache.remove(pack(1), 1);
    assert_eq!(cache.get(pack(1), 2, LENGTH), None);
    // Something else has the name of the block.
    let cache = open(directory.path(), ROOM_FOR_TEN);
    fs::create_dir(path(directory.path(), 3)).unwrap();
    put(&cache, 3..4);
    assert_eq!(cache.get(pack(1), 3, LENGTH), None);
}

#[test]
fn processes_share_the_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = open(directory, ROOM_FOR_TEN);
                for number in (0..20).chain(0..20) {
                    match cache.get(pack(1), number, LENGTH) {
                        Some(found) => assert_eq!(found, block(number)),
                        None => cache.put(pack(1), number, &block(number)),
                    }
                }
            });
        }
    });
    // Together they may have kept too much: each knows only the files that existed when it counted, and those
    // that it added.
    let next = open(directory, ROOM_FOR_TEN);
    put(&next, 20..21);
    let bytes: u64 = next.files().unwrap().iter().map(|file| file.bytes).sum();
    assert!((1..=ROOM_FOR_TEN).contains(&bytes), "{bytes}");
}

#[test]
fn blocks_go_with_the_catalogue() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    put(&open(directory, ROOM_FOR_TEN), 0..5);
    let own = directory.join(REPOSITORY.to_string());
    let used = fs::metadata(path(directory, 4)).unwrap().modified().unwrap();
    let other = icecore_format::ids::RepositoryId([8; 16]);
    let removed = remove_unused(directory, other, 0, used + Duration::from_hours(48)).unwrap();
    assert!(removed.bytes > 5 * u64::from(LENGTH));
    let left: Vec<_> = fs::read_dir(own).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["catalogue.lock"]);
}
