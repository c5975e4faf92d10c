use super::*;
use crate::{
    compression::Compressor,
    fixtures::{RUN, assert_golden, keys, keys_of, noise, noise_array},
    ids::{RepositoryId, RunId},
};

const PACK: PackName = PackName { run: RUN, number: 3 };

fn push(builder: &mut PackBuilder, contents: &[&[u8]]) {
    let plain = contents.concat();
    let infos: Vec<ChunkInfo> = contents
        .iter()
        .map(|content| ChunkInfo {
            id: keys().id_for_kind(builder.key.kind(), content),
            length: content.len() as u32,
        })
        .collect();
    let mut out = Vec::new();
    match Compressor::new(3).unwrap().compress(&plain, &mut out).unwrap() {
        Codec::Raw => builder.push(Codec::Raw, &plain, plain.len() as u32, &infos),
        Codec::Zstd => builder.push(Codec::Zstd, &out, plain.len() as u32, &infos),
    }
}

fn builder(kind: ObjectKind) -> PackBuilder {
    PackBuilder::new(
        &keys(),
        PACK,
        kind,
        RunId(noise_array("group")),
        noise_array("pack salt"),
        vec![1, 2, 3],
    )
    .unwrap()
}

fn finish(mut builder: PackBuilder) -> FinishedPack {
    for block in builder.blocks_to_seal() {
        block.seal().unwrap();
    }
    builder.finish().unwrap()
}

fn contents() -> [Vec<u8>; 4] {
    [noise("a", 100), noise("b", 1), b"text ".repeat(200), noise("c", 333)]
}

/// A pack of three blocks: raw, compressed, raw.
fn pack() -> FinishedPack {
    let [a, b, text, c] = contents();
    let mut builder = builder(ObjectKind::Data);
    push(&mut builder, &[&a, &b]);
    push(&mut builder, &[&text]);
    push(&mut builder, &[&c]);
    finish(builder)
}

fn stored(pack: &FinishedPack, ordinal: usize) -> &[u8] {
    let block = &pack.directory.blocks[ordinal];
    &pack.bytes[block.offset as usize..][..block.stored_bytes as usize]
}

fn open(directory: &PackDirectory, ordinal: usize, stored: &[u8]) -> FormatResult<Vec<u8>> {
    let key = directory.object_key(&keys())?;
    let mut plain = Vec::new();
    BlockOpener::new()?.open(&keys(), &key, directory, ordinal, stored, &mut plain)?;
    Ok(plain)
}

#[test]
fn pack_bytes_are_pinned() {
    assert_golden("pack-hash", blake3::hash(&pack().bytes).as_bytes());
    let mut small = builder(ObjectKind::Manifest);
    push(&mut small, &[b"node"]);
    assert_golden("pack-small", &finish(small).bytes);
}

#[test]
fn blocks_come_back() {
    let (pack, [a, b, text, c]) = (pack(), contents());
    assert_eq!(open(&pack.directory, 0, stored(&pack, 0)), Ok([a, b].concat()));
    assert_eq!(open(&pack.directory, 1, stored(&pack, 1)), Ok(text));
    assert_eq!(open(&pack.directory, 2, stored(&pack, 2)), Ok(c));
    let codecs: Vec<Codec> = pack.directory.blocks.iter().map(|block| block.codec).collect();
    assert_eq!(codecs, [Codec::Raw, Codec::Zstd, Codec::Raw]);
}

#[test]
fn the_directory_fits_the_pack() {
    let pack = pack();
    let checksum = pack.directory.checksum.unwrap();
    assert_eq!(checksum.bytes, pack.bytes.len() as u64);
    assert_eq!(checksum.hash, *blake3::hash(&pack.bytes).as_bytes());
    assert_eq!(read_directory_copy(&keys(), ObjectKind::Data, &pack.bytes), Ok(pack.directory.clone()));
    let key = pack.directory.object_key(&keys()).unwrap();
    assert_eq!(
        key.header()[..],
        pack.bytes[..SEAL_HEADER_BYTES],
        "the header can be made from the directory"
    );
}

#[test]
fn an_empty_pack_is_a_pack() {
    let builder = builder(ObjectKind::Data);
    assert!(builder.is_empty() && builder.pack() == PACK);
    let pack = finish(builder);
    assert_eq!(read_directory_copy(&keys(), ObjectKind::Data, &pack.bytes), Ok(pack.directory));
}

#[test]
fn damage_anywhere_in_a_block_is_refused() {
    let pack = pack();
    for ordinal in 0..3 {
        let mut block = stored(&pack, ordinal).to_vec();
        for at in 0..block.len() {
            block[at] ^= 0x10;
            assert!(open(&pack.directory, ordinal, &block).is_err());
            block[at] ^= 0x10;
        }
        for length in 0..block.len() {
            assert!(open(&pack.directory, ordinal, &block[..length]).is_err());
        }
        block.push(0);
        assert!(open(&pack.directory, ordinal, &block).is_err());
    }
    assert!(open(&pack.directory, 3, stored(&pack, 2)).is_err());
}

#[test]
fn a_block_opens_in_its_own_place_only() {
    // Two blocks of the same form, which differ only in the ordinal.
    let mut builder = builder(ObjectKind::Data);
    let (left, right) = (noise("left", 50), noise("right", 50));
    push(&mut builder, &[&left]);
    push(&mut builder, &[&right]);
    let pack = finish(builder);
    let refused = Err(FormatError::Unauthenticated { what: "data pack" });
    assert_eq!(open(&pack.directory, 0, stored(&pack, 1)), refused);
    assert_eq!(open(&pack.directory, 1, stored(&pack, 0)), refused);
    for salt in [[0; 32], noise_array("other salt")] {
        assert_eq!(open(&PackDirectory { salt, ..pack.directory.clone() }, 0, stored(&pack, 0)), refused);
    }
}

#[test]
fn content_is_held_against_its_ids() {
    let pack = pack();
    let mut wrong = pack.directory.clone();
    wrong.chunks[1].id.0[23] ^= 1;
    assert_eq!(open(&wrong, 0, stored(&pack, 0)), Err(FormatError::WrongContent));
    let mut wrong = pack.directory.clone();
    (wrong.chunks[0].length, wrong.chunks[1].length) = (99, 2);
    assert_eq!(open(&wrong, 0, stored(&pack, 0)), Err(FormatError::WrongContent));
    let mut short = pack.directory.clone();
    short.blocks[0].chunks = 1;
    assert_eq!(open(&short, 0, stored(&pack, 0)), Err(FormatError::WrongContent));
    let mut long = pack.directory.clone();
    long.chunks[1].length = 2;
    assert_eq!(open(&long, 0, stored(&pack, 0)), Err(FormatError::WrongContent));
    let mut bomb = pack.directory;
    bomb.blocks[1].plain_bytes = 999;
    assert_eq!(open(&bomb, 1, stored(&self::pack(), 1)), Err(FormatError::Decompression { what: "block" }));
}

#[test]
fn kinds_do_not_mix() {
    let pack = pack();
    assert!(read_directory_copy(&keys(), ObjectKind::Manifest, &pack.bytes).is_err());
    let manifest = PackDirectory { kind: ObjectKind::Manifest, ..pack.directory.clone() };
    assert!(open(&manifest, 0, stored(&pack, 0)).is_err());
    let elsewhere = keys_of(RepositoryId([9; 16]), &[0]);
    assert!(read_directory_copy(&elsewhere, ObjectKind::Data, &pack.bytes).is_err());
}

#[test]
fn a_cut_off_pack_is_refused() {
    let pack = pack();
    for length in 0..pack.bytes.len() {
        assert!(read_directory_copy(&keys(), ObjectKind::Data, &pack.bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn every_changed_byte_of_a_pack_is_noticed() {
    let pack = pack();
    let end =
        pack.directory.blocks.last().map_or(0, |block| block.offset + u64::from(block.stored_bytes)) as usize;
    let copy = u32::from_le_bytes(*pack.bytes[pack.bytes.len() - 12..].first_chunk().unwrap()) as usize;
    let start = pack.bytes.len() - TRAILER_BYTES - copy;
    let mut changed = pack.bytes.clone();
    for at in (0..SEAL_HEADER_BYTES).chain(start..pack.bytes.len()) {
        changed[at] ^= 0x04;
        assert!(read_directory_copy(&keys(), ObjectKind::Data, &changed).is_err(), "{at}");
        changed[at] ^= 0x04;
    }
    // Blocks and padding are outside the copy's seal; the hash covers them.
    for at in SEAL_HEADER_BYTES..start {
        changed[at] ^= 0x04;
        let directory = read_directory_copy(&keys(), ObjectKind::Data, &changed).unwrap();
        assert_ne!(directory.checksum, pack.directory.checksum, "{at}");
        changed[at] ^= 0x04;
    }
    assert!(end <= start);
}

#[test]
fn trailers_that_lie_are_refused() {
    let pack = pack();
    for length in [0u32, 11, u32::MAX, pack.bytes.len() as u32, pack.bytes.len() as u32 - 12, 128] {
        let mut changed = pack.bytes.clone();
        let at = changed.len() - TRAILER_BYTES;
        changed[at..at + 4].copy_from_slice(&length.to_le_bytes());
        assert!(read_directory_copy(&keys(), ObjectKind::Data, &changed).is_err(), "{length}");
    }
}

/// Builds a pack whose directory copy does not match its blocks.
fn forged(change: impl FnOnce(&mut PackDirectory)) -> FormatResult<PackDirectory> {
    let mut builder = builder(ObjectKind::Data);
    push(&mut builder, &[&noise("forged", 100)]);
    for block in builder.blocks_to_seal() {
        block.seal().unwrap();
    }
    change(&mut builder.directory);
    read_directory_copy(&keys(), ObjectKind::Data, &builder.finish().unwrap().bytes)
}

#[test]
fn a_directory_copy_must_be_of_its_own_pack() {
    assert!(forged(|_| {}).is_ok());
    assert!(forged(|directory| directory.salt = [0; 32]).is_err());
    assert!(forged(|directory| directory.kind = ObjectKind::Manifest).is_err());
    assert!(matches!(forged(|directory| directory.epoch = 1), Err(FormatError::Malformed { .. })));
    for version in [0, 2] {
        let refused = forged(|directory| directory.version = version);
        assert!(matches!(refused, Err(FormatError::UnsupportedVersion { .. })));
    }
    let overlap = forged(|directory| {
        directory.chunks[0].length = 5000;
        directory.blocks[0].plain_bytes = 5000;
        directory.blocks[0].stored_bytes = 5016;
    });
    assert!(matches!(overlap, Err(FormatError::Malformed { .. })));
}

#[test]
fn packs_are_padded() {
    for length in [1, 5, 500, 5_000, 70_000, 1_000_000] {
        let mut builder = builder(ObjectKind::Data);
        push(&mut builder, &[&noise("padded", length)]);
        let pack = finish(builder);
        let bytes = pack.bytes.len() as u64;
        assert_eq!(padme(bytes), bytes);
    }
    for length in [16 << 20, (16 << 20) + 1, 60_000_000, PACK_BYTES_MAX - 1] {
        let padded = padded_length(length);
        assert!(
            padded >= length
                && padded - length < PADDING_STEP_BYTES
                && padded.is_multiple_of(PADDING_STEP_BYTES)
        );
    }
    assert!(padded_length((16 << 20) - 1) <= padded_length(16 << 20));
}

#[test]
fn a_pack_says_when_it_is_full() {
    let builder = builder(ObjectKind::Data);
    assert!(builder.has_room(200 << 20, 1000));
    assert!(!builder.has_room(PACK_BYTES_MAX, 1));
    assert!(builder.has_room(0, PACK_CHUNKS_MAX) && !builder.has_room(0, PACK_CHUNKS_MAX + 1));
    assert_eq!(builder.stored_bytes(), SEAL_HEADER_BYTES as u64);
}

#[test]
#[should_panic(expected = "no block is added to a sealed pack")]
fn nothing_is_added_after_sealing() {
    let mut builder = builder(ObjectKind::Data);
    assert!(builder.blocks_to_seal().is_empty());
    push(&mut builder, &[b"late"]);
}

#[test]
#[should_panic(expected = "blocks are sealed once")]
fn nothing_is_sealed_twice() {
    let mut builder = builder(ObjectKind::Data);
    assert!(builder.blocks_to_seal().is_empty());
    assert!(builder.blocks_to_seal().is_empty());
}

#[test]
#[should_panic(expected = "blocks are sealed before the pack is finished")]
fn nothing_is_finished_unsealed() {
    assert!(builder(ObjectKind::Data).finish().is_err());
}

#[test]
fn keys_of_objects_are_pinned() {
    use crate::layout::*;
    let run = RunId(*b"\x01\x9a\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09");
    let pack = PackName { run, number: 1_234_567 };
    assert_eq!(snapshot_key(run), "meta/snapshots/019a0000000000010203040506070809");
    assert_eq!(directory_key(pack), "meta/packs/019a0000000000010203040506070809-1234567");
    let group = RunId([0x11; 16]);
    let data = "data/11111111111111111111111111111111/019a0000000000010203040506070809-1234567";
    assert_eq!(pack_key(ObjectKind::Data, group, pack), data);
    let manifest = "meta/manifest/019a0000000000010203040506070809-1234567";
    assert_eq!(pack_key(ObjectKind::Manifest, group, pack), manifest);
    assert_eq!(slot_key(b"abc"), "meta/keys/6437b3ac38465133ffb63b75273a8db5");
    assert_eq!(parse_snapshot_key(&snapshot_key(run)), Ok(run));
    assert_eq!(parse_directory_key(&directory_key(pack)), Ok(pack));
    for key in [
        "",
        "meta/snapshots/",
        "meta/snapshots/xyz",
        "meta/packs/019a-1",
        "data/019a0000000000010203040506070809",
    ] {
        assert!(parse_snapshot_key(key).is_err() && parse_directory_key(key).is_err(), "{key}");
    }
}
