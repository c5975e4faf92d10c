use super::*;
use crate::samples;

fn columns(directory: &PackDirectory) -> RowColumns {
    RowColumns {
        pack: directory.pack,
        kind: directory.kind,
        group: directory.group,
        pack_bytes: directory.checksum.map(|checksum| checksum.bytes),
    }
}

fn encoded(directory: &PackDirectory) -> Vec<u8> {
    let mut encoded = vec![1, 2, 3];
    encode(directory, &mut encoded);
    encoded
}

#[test]
fn a_directory_survives() {
    for (number, chunks) in [(0, 0), (1, 1), (2, 4), (3, 5), (4, 1000)] {
        let directory = samples::directory(1, number, chunks);
        let encoded = encoded(&directory);
        let row = DirectoryRow::parse(columns(&directory), &encoded).unwrap();
        assert_eq!(row.to_directory(), directory);
        assert_eq!(row.chunk_count(), directory.chunks.len());
        assert_eq!(row.block_count(), directory.blocks.len());
        assert_eq!(row.chunk_ids().len(), row.chunk_lengths().len());
        assert_eq!((row.epoch(), row.salt(), row.kind()), (directory.epoch, &directory.salt, directory.kind));
    }
}

#[test]
fn the_encoding_is_what_the_schema_says() {
    assert_eq!(crate::schema::SCHEMA_VERSION, 3, "a new encoding needs a new version of the schema");
    let hash = blake3::hash(&encoded(&samples::directory(1, 2, 9)));
    assert_eq!(hash.to_hex().as_str(), "016fbd75fdba7cccf50591f2088b536c7480ba23eceb02732c47806694f9cf6d");
}

#[test]
fn other_lengths_are_refused() {
    let directory = samples::directory(1, 0, 10);
    let mut encoded = encoded(&directory);
    for length in 0..encoded.len() {
        assert!(DirectoryRow::parse(columns(&directory), &encoded[..length]).is_none(), "{length}");
    }
    encoded.push(0);
    assert!(DirectoryRow::parse(columns(&directory), &encoded).is_none());
}

#[test]
fn inconsistent_blocks_are_refused() {
    let check = |change: &dyn Fn(&mut PackDirectory)| {
        let mut directory = samples::directory(1, 0, 10);
        change(&mut directory);
        assert!(DirectoryRow::parse(columns(&directory), &encoded(&directory)).is_none());
    };
    check(&|directory| directory.blocks[1].first_chunk = 3);
    check(&|directory| directory.blocks[2].chunks = 3);
    check(&|directory| directory.blocks[2].chunks = u32::MAX);
    check(&|directory| directory.blocks.truncate(2));
    check(&|directory| directory.chunks.truncate(9));
}

#[test]
fn any_changed_byte_is_harmless() {
    let directory = samples::directory(1, 0, 10);
    let original = encoded(&directory);
    for index in 0..original.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut encoded = original.clone();
            encoded[index] = value;
            if let Some(row) = DirectoryRow::parse(columns(&directory), &encoded) {
                let directory = row.to_directory();
                for block in &directory.blocks {
                    assert_eq!(directory.block_chunks(block).len(), block.chunks as usize);
                }
            }
        }
    }
}
