use icecore_format::{ids::RunId, layout::directory_key};
use icecore_store::Version;

use super::*;

fn name(run: u8, number: u32) -> PackName {
    PackName { run: RunId([run; 16]), number }
}

fn object(key: String, size: u64) -> ObjectInfo {
    ObjectInfo { key, size, version: Version("1".into()), modified: std::time::SystemTime::UNIX_EPOCH }
}

#[test]
fn packs_and_directories_meet_by_name() {
    let group = PackPlace::Data(RunId([3; 16]));
    let objects = [
        object(directory_key(name(2, 0)), 10),
        object(directory_key(name(1, 7)), 20),
        object(group.key(name(2, 0)), 1000),
        object(PackPlace::Manifest.key(name(1, 3)), 500),
        object("data/readme".into(), 1),
        object("meta/keys/x".into(), 1),
    ];
    let packs = PackTable::of(&objects);
    let found: Vec<_> = packs.iter().map(|(number, pack)| (number, pack.name, pack.stored_bytes())).collect();
    assert_eq!(found, [(0, name(1, 3), 500), (1, name(1, 7), 20), (2, name(2, 0), 1010)]);
    assert_eq!(packs.number(name(2, 0)), Some(2));
    assert_eq!(packs.number(name(9, 9)), None);
    assert!(packs.duplicates.is_empty());
}

#[test]
fn one_name_at_two_locations_is_left_alone() {
    let [left, right] = [3, 4].map(|group| PackPlace::Data(RunId([group; 16])));
    let objects = [object(left.key(name(1, 0)), 5), object(right.key(name(1, 0)), 6)];
    let packs = PackTable::of(&objects);
    assert_eq!((packs.len(), packs.get(0).bytes()), (1, 5));
    assert_eq!(packs.duplicates, [object(right.key(name(1, 0)), 6)]);
}
