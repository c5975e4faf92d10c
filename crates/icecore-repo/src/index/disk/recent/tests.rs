use icecore_format::{directory::PackDirectory, seal::ObjectKind};

use super::*;
use crate::bed::{Bed, noises};

#[test]
fn what_was_used_last_is_kept() {
    let bed = Bed::new();
    let mut packs = Vec::new();
    for seed in 0..4 {
        bed.snapshot(&noises(20, 3_000, seed + 1));
    }
    for key in bed.keys_under(icecore_format::layout::PACKS_PREFIX) {
        let name = icecore_format::layout::parse_directory_key(&key).unwrap();
        let directory = PackDirectory::open(bed.repository.keys(), name, &bed.get(&key)).unwrap();
        if directory.kind == ObjectKind::Data {
            packs.push(Arc::new(IndexedPack::new(&bed.repository, directory).unwrap()));
        }
    }
    let first_id = |number: usize| packs[number].directory.chunks[0].id;
    let mut recent = RecentPacks::new(packs[..3].iter().map(|pack| bytes_of(pack)).sum());
    for (pack, number) in packs[..3].iter().zip(10..) {
        recent.insert(number, pack);
        recent.insert(number, pack);
    }
    for number in 0..3 {
        let place = ChunkPlace { pack: 10 + number as u32, position: 0 };
        assert_eq!(recent.find(&first_id(number)), Some(place));
    }
    assert!(recent.get(10).is_some());
    recent.insert(13, &packs[3]);
    assert!(recent.bytes <= recent.bytes_max);
    assert!(recent.get(11).is_none() && recent.find(&first_id(1)).is_none(), "it was not used for longest");
    for number in [0, 2, 3] {
        assert!(recent.find(&first_id(number)).is_some_and(|place| place.pack == 10 + number as u32));
    }
    let kept: usize = recent.packs.values().map(|recent| recent.pack.directory.chunks.len()).sum();
    assert_eq!(recent.places.len(), kept, "nothing is left of what was dropped");
}

#[test]
fn a_pack_is_hit_again_when_it_was_the_last() {
    let mut recent = RecentPacks::new(1);
    let hits: Vec<bool> = [1, 1, 2, 1, 1, 1].map(|pack| recent.is_hit_again(pack)).into();
    assert_eq!(hits, [false, true, false, false, true, true]);
}
