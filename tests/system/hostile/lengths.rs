//! False sizes, holes, chunks and totals.

use icecore_format::{compression::Codec, directory::ChunkInfo, ids::ChunkId, seal::ObjectKind};

use super::{
    Cell,
    forge::{Forge, compressed_zeros},
    record::{FILE, Item, field, leaf, numbers},
    run_all,
};

/// Completes a snapshot of a file that has only holes.
fn holes(forge: &mut Forge<'_>, size: u64, holes: &[u64]) {
    forge.snapshot(&[Item::new("huge", FILE).number(field::SIZE, size).raw(field::HOLES, numbers(holes))]);
}

#[test]
fn holes_that_lie() {
    let outside = "holes overlap, touch or are outside the file";
    run_all(&[
        Cell::refused("beyond the size", |forge| holes(forge, 10, &[0, 11]), outside),
        Cell::refused("far beyond", |forge| holes(forge, 10, &[u64::MAX, u64::MAX]), outside),
        Cell::refused("overlapping", |forge| holes(forge, 20, &[0, 10, 5, 10]), outside),
        Cell::refused("touching", |forge| holes(forge, 20, &[0, 10, 10, 10]), outside),
        Cell::refused("backwards", |forge| holes(forge, 20, &[10, 5, 0, 5]), outside),
        Cell::refused("empty", |forge| holes(forge, 20, &[0, 0]), outside),
        Cell::refused(
            "too many",
            |forge| holes(forge, 1 << 20, &(0..40_000).map(|at| at * 3).collect::<Vec<u64>>()),
            "number of holes",
        ),
        Cell {
            name: "a file of 2^63 bytes that are not there",
            forge: |forge| holes(forge, 1 << 63, &[0, 1 << 63]),
            restore: 1,
            check: 0,
            says: "huge",
            opens: true,
        },
        Cell {
            name: "a file of 2^64 - 1 bytes that are not there",
            forge: |forge| holes(forge, u64::MAX, &[0, u64::MAX]),
            restore: 1,
            check: 0,
            says: "huge",
            opens: true,
        },
        Cell {
            name: "a chunk behind a hole of 2^63 bytes",
            forge: |forge| {
                let (id, length) = forge.chunk(b"far away");
                let file = Item::file("huge", Some((id, length)));
                let holes = numbers(&[0, 1 << 63]);
                forge.snapshot(&[file.number(field::SIZE, (1 << 63) + length).raw(field::HOLES, holes)]);
            },
            restore: 1,
            check: 0,
            says: "huge",
            opens: true,
        },
    ]);
}

#[test]
fn sizes_that_lie() {
    run_all(&[
        Cell::refused(
            "a size without content",
            |forge| forge.snapshot(&[Item::new("file", FILE).number(field::SIZE, 1 << 63)]),
            "size differs from the sum of chunks and holes",
        ),
        Cell::refused(
            "a chunk that is longer than chunks can be",
            |forge| {
                let (id, _) = forge.chunk(b"short");
                forge.snapshot(&[Item::file("file", Some((id, 1 << 31)))]);
            },
            "length of a chunk",
        ),
        Cell::refused(
            "a chunk that is longer than what is stored",
            |forge| {
                let (id, _) = forge.chunk(b"short");
                forge.snapshot(&[Item::file("file", Some((id, 1 << 20)))]);
            },
            "file",
        ),
        Cell::refused(
            "a chunk that is shorter than what is stored",
            |forge| {
                let (id, _) = forge.chunk(b"longer than said");
                forge.snapshot(&[Item::file("file", Some((id, 2)))]);
            },
            "file",
        ),
        Cell::refused(
            "a chunk that is nowhere",
            |forge| forge.snapshot(&[Item::file("file", Some((ChunkId([9; ChunkId::BYTES]), 10)))]),
            "file",
        ),
        Cell::refused(
            "lengths without chunks",
            |forge| {
                let file = Item::new("file", FILE).number(field::SIZE, 3);
                forge.snapshot(&[file.raw(field::CHUNK_LENGTHS, numbers(&[1, 2]))]);
            },
            "numbers of chunk ids and lengths differ",
        ),
        Cell::refused(
            "half a chunk id",
            |forge| {
                forge.snapshot(&[Item::file("file", None)
                    .number(field::SIZE, 3)
                    .bytes(field::CHUNK_IDS, b"half")]);
            },
            "numbers of chunk ids and lengths differ",
        ),
    ]);
}

/// Completes a snapshot with changed totals.
fn totals(forge: &mut Forge<'_>, entries: u64, files: u64, bytes: u64) {
    let chunk = forge.chunk(b"content");
    let node = leaf(&[Item::new("", super::record::DIRECTORY), Item::file("file", Some(chunk))]);
    let mut root = forge.root(&node);
    (root.totals.entries, root.totals.files, root.totals.bytes) = (entries, files, bytes);
    forge.complete(root);
}

#[test]
fn totals_that_lie() {
    let lie = "the totals of a node differ from those in its parent";
    run_all(&[
        Cell::refused("more entries", |forge| totals(forge, 3, 1, 7), lie),
        Cell::refused("no entries", |forge| totals(forge, 0, 0, 0), lie),
        Cell::refused("everything", |forge| totals(forge, u64::MAX, u64::MAX, u64::MAX), lie),
    ]);
}

/// Stores a block that contradicts its pack directory, and a file with its chunk.
fn block(forge: &mut Forge<'_>, codec: Codec, body: &[u8], plain_bytes: u32, content: &[u8]) {
    let id = forge.keys.chunk_id(content);
    let mut pack = forge.builder(ObjectKind::Data);
    pack.push(codec, body, plain_bytes, &[ChunkInfo { id, length: plain_bytes }]);
    forge.finish(pack, ObjectKind::Data);
    forge.snapshot(&[Item::file("file", Some((id, plain_bytes.into())))]);
}

#[test]
fn blocks_that_lie() {
    run_all(&[
        Cell::refused(
            "a bomb: more than it says",
            |forge| {
                block(forge, Codec::Zstd, &compressed_zeros(256 << 20), 1 << 20, &vec![0; 1 << 20]);
            },
            "file",
        ),
        Cell::refused(
            "less than it says",
            |forge| {
                block(forge, Codec::Zstd, &compressed_zeros(100_000), 16 << 20, &vec![0; 100_000]);
            },
            "file",
        ),
        Cell::refused(
            "not compressed at all",
            |forge| block(forge, Codec::Zstd, b"no zstd", 1000, b"x"),
            "file",
        ),
        Cell::refused("another content", |forge| block(forge, Codec::Raw, b"other", 5, b"right"), "file"),
    ]);
}

#[test]
fn a_bomb_that_keeps_its_word() {
    // A gigabyte and a half of zeros in a few kilobytes: that is what was stored, and it is restored with
    // little memory.
    run_all(&[Cell {
        name: "many chunks of zeros",
        forge: |forge| {
            let chunk = forge.chunk(&vec![0; 16 << 20]);
            let items: Vec<Item> =
                (0..20).map(|number| Item::file(format!("file{number:03}"), Some(chunk))).collect();
            forge.snapshot(&items);
        },
        restore: 0,
        check: 0,
        says: "",
        opens: true,
    }]);
}
