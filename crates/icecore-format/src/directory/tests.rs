use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{
        REPOSITORY, RUN, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, keys_of,
        noise_array,
    },
    ids::RepositoryId,
};

fn chunk(label: &str, length: u32) -> ChunkInfo {
    ChunkInfo { id: ChunkId(noise_array(label)), length }
}

fn block(
    offset: u64,
    stored_bytes: u32,
    codec: Codec,
    plain_bytes: u32,
    first_chunk: u32,
    chunks: u32,
) -> BlockInfo {
    BlockInfo { offset, stored_bytes, codec, plain_bytes, first_chunk, chunks }
}

fn directory() -> PackDirectory {
    PackDirectory {
        version: 1,
        pack: PackName { run: RUN, number: 5 },
        kind: ObjectKind::Data,
        // Different from the run: with repetitions the record would be compressed, and the golden bytes would
        // depend on zstd.
        group: RunId(noise_array("group")),
        epoch: 0,
        salt: noise_array("pack salt"),
        checksum: Some(PackChecksum { bytes: 70_000, hash: noise_array("pack hash") }),
        blocks: vec![block(128, 216, Codec::Raw, 200, 0, 2), block(344, 500, Codec::Zstd, 60_000, 2, 1)],
        chunks: vec![chunk("1", 150), chunk("2", 50), chunk("3", 60_000)],
    }
}

fn salt() -> Salt {
    noise_array("directory salt")
}

fn decode(directory: &PackDirectory) -> FormatResult<PackDirectory> {
    PackDirectory::decode(&directory.encode().unwrap())
}

#[test]
fn directory_bytes_are_pinned() {
    assert_golden("directory-record", &directory().encode().unwrap());
    assert_golden(
        "directory-record-of-a-copy",
        &PackDirectory { checksum: None, ..directory() }.encode().unwrap(),
    );
    assert_golden("directory-object", &directory().seal(&keys(), &salt()).unwrap());
}

#[test]
fn a_directory_comes_back() {
    let object = directory().seal(&keys(), &salt()).unwrap();
    assert_eq!(PackDirectory::open(&keys(), directory().pack, &object), Ok(directory()));
    assert_eq!(directory().block_chunks(&directory().blocks[1]), [chunk("3", 60_000)]);
    let empty = PackDirectory { blocks: vec![], chunks: vec![], ..directory() };
    assert_eq!(decode(&empty), Ok(empty));
}

#[test]
fn damage_anywhere_is_refused() {
    let object = directory().seal(&keys(), &salt()).unwrap();
    let open = |object: &[u8]| PackDirectory::open(&keys(), directory().pack, object);
    assert_refuses_truncation(&object, open);
    assert_refuses_changes(&object, open);
    assert_refuses_truncation(&directory().encode().unwrap(), PackDirectory::decode);
}

#[test]
fn the_directory_of_another_pack_is_refused() {
    let object = directory().seal(&keys(), &salt()).unwrap();
    assert!(PackDirectory::open(&keys(), PackName { run: RUN, number: 6 }, &object).is_err());
    assert!(PackDirectory::open(&keys(), PackName { run: RunId([0; 16]), number: 5 }, &object).is_err());
    let elsewhere = keys_of(RepositoryId([2; 16]), &[0]);
    assert!(PackDirectory::open(&elsewhere, directory().pack, &object).is_err());
    assert_ne!(elsewhere.repository(), REPOSITORY);
}

#[test]
fn only_the_copy_lacks_the_checksum() {
    let copy = PackDirectory { checksum: None, ..directory() };
    assert_eq!(decode(&copy), Ok(copy.clone()));
    let object = copy.seal(&keys(), &salt()).unwrap();
    assert!(PackDirectory::open(&keys(), copy.pack, &object).is_err());
}

#[test]
fn only_packs_have_directories() {
    for kind in [ObjectKind::Header, ObjectKind::Directory, ObjectKind::Snapshot] {
        assert!(decode(&PackDirectory { kind, ..directory() }).is_err());
    }
    let manifest = PackDirectory { kind: ObjectKind::Manifest, ..directory() };
    assert_eq!(decode(&manifest), Ok(manifest));
}

/// Changes one thing about the directory and expects an error.
#[track_caller]
fn refused(change: impl FnOnce(&mut PackDirectory)) {
    let mut changed = directory();
    change(&mut changed);
    assert!(decode(&changed).is_err());
}

#[test]
fn lengths_that_disagree_are_refused() {
    refused(|directory| directory.blocks[0].plain_bytes += 1);
    refused(|directory| directory.blocks[0].stored_bytes += 1);
    refused(|directory| directory.blocks[0].stored_bytes -= 1);
    refused(|directory| directory.blocks[0].stored_bytes = 0);
    refused(|directory| directory.blocks[0].stored_bytes = 15);
    refused(|directory| directory.blocks[1].stored_bytes = 60_016);
    refused(|directory| directory.blocks[1].stored_bytes = u32::MAX);
    refused(|directory| directory.chunks[0].length += 1);
    refused(|directory| directory.chunks[0].length = u32::MAX);
    refused(|directory| directory.blocks[1].codec = Codec::Raw);
    refused(|directory| directory.checksum = Some(PackChecksum { bytes: 843, hash: [0; 32] }));
}

#[test]
fn counts_that_disagree_are_refused() {
    refused(|directory| directory.blocks[0].chunks = 1);
    refused(|directory| directory.blocks[0].chunks = 0);
    refused(|directory| directory.blocks[1].chunks = 2);
    refused(|directory| directory.blocks[1].chunks = u32::MAX);
    refused(|directory| directory.chunks.truncate(2));
    refused(|directory| directory.blocks.truncate(1));
    refused(|directory| directory.chunks.push(chunk("4", 1)));
    refused(|directory| directory.blocks.push(block(844, 16, Codec::Raw, 0, 3, 0)));
}

#[test]
fn sizes_beyond_the_bounds_are_refused() {
    let long = CHUNK_BYTES_MAX + 1;
    refused(|directory| {
        directory.chunks[2].length = long;
        directory.blocks[1].plain_bytes = long;
    });
    refused(|directory| {
        directory.chunks[0].length = 0;
        directory.chunks[1].length = 200;
    });
    // Three chunks of the largest size are more than a block may hold.
    refused(|directory| {
        directory.chunks = vec![chunk("x", CHUNK_BYTES_MAX); 3];
        directory.blocks = vec![block(128, 1000, Codec::Zstd, CHUNK_BYTES_MAX * 3, 0, 3)];
    });
    // Many blocks of the largest size are more than a pack may hold.
    refused(|directory| {
        directory.checksum = None;
        directory.chunks = vec![chunk("x", CHUNK_BYTES_MAX); 17];
        directory.blocks = vec![block(0, CHUNK_BYTES_MAX + 16, Codec::Raw, CHUNK_BYTES_MAX, 0, 1); 17];
    });
}

fn record() -> DirectoryRecord {
    minicbor::decode(&directory().encode().unwrap()).unwrap()
}

#[test]
fn malformed_records_are_refused() {
    assert!(PackDirectory::decode(&encode_record(&record()).unwrap()).is_ok());
    let bad: [fn(&mut DirectoryRecord); 9] = [
        |record| record.pack_bytes = None,
        |record| record.pack_hash = None,
        |record| record.pack_hash = Some(vec![0; 31].into()),
        |record| record.blocks.truncate(7),
        |record| record.blocks[1] = 2,
        |record| record.blocks[1] = 256,
        |record| record.chunk_ids = vec![0; 71].into(),
        |record| record.chunk_ids = vec![0; 96].into(),
        |record| record.kind = 77,
    ];
    for change in bad {
        let mut changed = record();
        change(&mut changed);
        assert!(PackDirectory::decode(&encode_record(&changed).unwrap()).is_err());
    }
    assert!(PackDirectory::decode(&[&directory().encode().unwrap()[..], &[0]].concat()).is_err());
}

#[test]
fn other_versions_are_refused_as_such() {
    for version in [0, 2, u16::MAX] {
        let other = PackDirectory { version, ..directory() };
        let refused = FormatError::UnsupportedVersion { what: WHAT, found: version, supported: 1 };
        assert_eq!(decode(&other), Err(refused.clone()));
        let object = other.seal(&keys(), &salt()).unwrap();
        assert_eq!(PackDirectory::open(&keys(), other.pack, &object), Err(refused));
    }
    // The version is the last field, key 11, and required.
    let record = directory().encode().unwrap();
    assert_eq!((record[0], &record[record.len() - 2..]), (0xac, &[11, 1][..]));
    assert!(PackDirectory::decode(&[&[0xab], &record[1..record.len() - 2]].concat()).is_err());
}

#[test]
fn the_version_goes_into_the_key_of_the_pack() {
    let key = directory().object_key(&keys()).unwrap();
    assert_eq!(key.header()[8..10], [1, 0]);
    let newer = PackDirectory { version: 0x0102, ..directory() }.object_key(&keys()).unwrap();
    assert_eq!(newer.header()[8..10], [2, 1]);
}

#[test]
fn more_chunks_than_a_pack_may_have_are_refused() {
    let count = |chunks: usize| decode_chunks(&vec![1; chunks], &vec![0; chunks * ChunkId::BYTES]);
    assert_eq!(count(1 << 22).map(|chunks| chunks.len()), Ok(PACK_CHUNKS_MAX));
    assert!(count((1 << 22) + 1).is_err());
}

#[test]
fn an_array_that_claims_too_much_is_refused() {
    let mut record = directory().encode().unwrap();
    // Key 8, an array of eight numbers: claim 2^40 of them.
    let at = record.windows(2).position(|bytes| bytes == [0x08, 0x88]).unwrap();
    record.splice(at + 1..at + 2, [0x9b, 0, 0, 1, 0, 0, 0, 0, 0]);
    assert!(PackDirectory::decode(&record).is_err());
}

prop_compose! {
    fn any_directory()(
        blocks in prop::collection::vec(
            (prop::collection::vec((any::<[u8; ChunkId::BYTES]>(), 1u32..100_000), 1..6), any::<bool>(), any::<prop::sample::Index>()),
            0..8,
        ),
        number in any::<u32>(), epoch in any::<u32>(), manifest in any::<bool>(), copy in any::<bool>(),
    ) -> PackDirectory {
        let mut directory = PackDirectory { blocks: vec![], chunks: vec![], epoch, ..directory() };
        directory.pack.number = number;
        directory.kind = if manifest { ObjectKind::Manifest } else { ObjectKind::Data };
        let mut offset = SEAL_HEADER_BYTES as u64;
        for (chunks, raw, index) in blocks {
            let plain: u32 = chunks.iter().map(|(_, length)| length).sum();
            let (codec, body) =
                if raw { (Codec::Raw, plain) } else { (Codec::Zstd, index.index(plain as usize) as u32) };
            let first = directory.chunks.len() as u32;
            directory.blocks.push(block(offset, body + 16, codec, plain, first, chunks.len() as u32));
            offset += u64::from(body) + 16;
            directory.chunks.extend(chunks.iter().map(|(id, length)| ChunkInfo { id: ChunkId(*id), length: *length }));
        }
        directory.checksum = (!copy).then_some(PackChecksum { bytes: offset + 100, hash: [3; 32] });
        directory
    }
}

proptest! {
    #[test]
    fn directories_round_trip(directory in any_directory()) {
        prop_assert_eq!(decode(&directory), Ok(directory));
    }

    #[test]
    fn changed_records_do_no_harm(directory in any_directory(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut record = directory.encode().unwrap();
        let at = at.index(record.len());
        record[at] = byte;
        if let Ok(directory) = PackDirectory::decode(&record) {
            for block in &directory.blocks {
                prop_assert!(!directory.block_chunks(block).is_empty());
            }
        }
    }
}
