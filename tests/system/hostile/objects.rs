//! Objects that are far larger than allowed, or expand to such a size: headers, key slots, snapshots, pack
//! directories, packs.

use icecore_format::{
    compression::Codec,
    directory::ChunkInfo,
    ids::{ChunkId, PackName, RunId},
    layout,
    seal::{ObjectKey, ObjectKind, SEAL_HEADER_BYTES, TAG_BYTES, seal_object},
};
use minicbor::Encoder;

use super::{
    Cell,
    forge::{Forge, compressed_zeros},
    record::{DIRECTORY, Item},
    run_all,
};

/// Seals a header with these parameters, after the plain part of the present one.
fn header(forge: &mut Forge<'_>, chunk_maximum: u64, block_bytes: u64, node_items: u64) {
    let mut encoder = Encoder::new(Vec::new());
    let repository = forge.keys.repository().0;
    encoder.map(11).unwrap().u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().u8(0).unwrap();
    encoder.u8(2).unwrap().bytes(&repository).unwrap().u8(3).unwrap().u8(0).unwrap();
    encoder.u8(4).unwrap().str("forge").unwrap().u8(5).unwrap().u32(64 << 10).unwrap();
    encoder.u8(6).unwrap().u32(256 << 10).unwrap().u8(7).unwrap().u64(chunk_maximum).unwrap();
    encoder.u8(8).unwrap().u64(block_bytes).unwrap().u8(9).unwrap().u64(node_items).unwrap();
    encoder.u8(10).unwrap().u8(0).unwrap();
    let salt = forge.salt();
    let sealed = seal_object(&forge.keys, ObjectKind::Header, &salt, &encoder.into_writer()).unwrap();
    let mut object = std::fs::read(forge.object_path(layout::HEADER_KEY)).unwrap();
    object.truncate(40);
    object.extend(sealed);
    forge.put(layout::HEADER_KEY, &object);
}

/// Returns a cell for a repository that does not open.
const fn closed(name: &'static str, forge: fn(&mut Forge<'_>), says: &'static str) -> Cell {
    Cell { opens: false, ..Cell::refused(name, forge, says) }
}

#[test]
fn headers() {
    run_all(&[
        closed("a chunk of 4 GiB", |forge| header(forge, u32::MAX.into(), 1 << 20, 16), "the format allows"),
        closed("a block of 4 GiB", |forge| header(forge, 1 << 20, u32::MAX.into(), 16), "the format allows"),
        closed(
            "nodes of all items",
            |forge| header(forge, 1 << 20, 1 << 20, u32::MAX.into()),
            "the format allows",
        ),
        closed("numbers of 64 bits", |forge| header(forge, u64::MAX, 1 << 20, 16), "not the expected CBOR"),
        closed(
            "a header of 8 GiB",
            |forge| forge.put_sparse(layout::HEADER_KEY, 8 << 30),
            "repository header",
        ),
    ]);
}

/// Replaces the key slot with one that requires this much memory, in KiB.
fn slot(forge: &mut Forge<'_>, memory_kib: u64) {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(8).unwrap().u8(0).unwrap().u8(1).unwrap();
    encoder.u8(1).unwrap().bytes(&forge.keys.repository().0).unwrap().u8(2).unwrap().str("slot").unwrap();
    encoder.u8(3).unwrap().u8(0).unwrap().u8(4).unwrap().bytes(&[1; 32]).unwrap();
    encoder
        .u8(5)
        .unwrap()
        .u64(memory_kib)
        .unwrap()
        .u8(6)
        .unwrap()
        .u8(3)
        .unwrap()
        .u8(7)
        .unwrap()
        .u8(1)
        .unwrap();
    let record = encoder.into_writer();
    let length = (record.len() as u32).to_le_bytes();
    let object = [b"ICECSLOT\x01\0\0\0", length.as_slice(), &record, &[0; 100]].concat();
    for entry in std::fs::read_dir(forge.object_path(layout::KEYS_PREFIX)).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    forge.put(&layout::slot_key(&object), &object);
}

#[test]
fn key_slots() {
    let cell = |name, forge| Cell { opens: false, ..Cell::refused(name, forge, "key slot") };
    run_all(&[
        Cell { says: "Argon2id memory in KiB", ..cell("terabytes", |forge| slot(forge, u32::MAX.into())) },
        cell("more than 32 bits", |forge| slot(forge, u64::MAX)),
        cell("a slot of 8 GiB", |forge| {
            slot(forge, 1 << 20);
            let slot = std::fs::read_dir(forge.object_path(layout::KEYS_PREFIX)).unwrap().next().unwrap();
            let name = slot.unwrap().file_name().into_string().unwrap();
            forge.put_sparse(&format!("{}{name}", layout::KEYS_PREFIX), 8 << 30);
        }),
    ]);
}

#[test]
fn snapshots() {
    let whole = |name, forge| Cell { check: 20, ..Cell::harmless(name, forge) };
    run_all(&[
        whole("a snapshot of 8 GiB", |forge| {
            forge.put_sparse(&layout::snapshot_key(forge.origin.run), 8 << 30);
        }),
        whole("forty snapshots that unfold to 16 MiB each", |forge| {
            for _ in 0..40 {
                let object = bomb(forge, ObjectKind::Snapshot, 16 << 20);
                forge.put(&layout::snapshot_key(forge.origin.run), &object);
                forge.begin_run();
            }
        }),
        Cell {
            name: "forty snapshots with as much text as there may be",
            forge: |forge| {
                for number in 0..1000 {
                    forge.origin.tags.insert(format!("{number}"), "x".repeat(800));
                }
                for _ in 0..40 {
                    forge.snapshot(&[Item::file("file", None)]);
                    forge.begin_run();
                }
                forge.origin.tags.clear();
                forge.snapshot(&[Item::file("file", None)]);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        whole("a snapshot under another name", |forge| {
            forge.snapshot(&[Item::file("file", None)]);
            let object = std::fs::read(forge.object_path(&layout::snapshot_key(forge.origin.run))).unwrap();
            std::fs::remove_file(forge.object_path(&layout::snapshot_key(forge.origin.run))).unwrap();
            forge.begin_run();
            forge.put(&layout::snapshot_key(forge.origin.run), &object);
        }),
    ]);
}

/// Writes a pack directory of a million chunks in a block of a few bytes.
fn many_chunks(forge: &mut Forge<'_>) {
    const CHUNKS: usize = 1 << 20;
    let mut pack = forge.builder(ObjectKind::Data);
    let chunk = ChunkInfo { id: ChunkId([1; ChunkId::BYTES]), length: 1 };
    pack.push(Codec::Zstd, b"x", CHUNKS as u32, &vec![chunk; CHUNKS]);
    forge.finish(pack, ObjectKind::Data);
}

/// Seals a frame that expands to zeros.
fn bomb(forge: &mut Forge<'_>, kind: ObjectKind, length: u32) -> Vec<u8> {
    let body = compressed_zeros(length as usize);
    let lengths = [(body.len() as u32).to_le_bytes(), length.to_le_bytes()].concat();
    let mut part = [&[Codec::Zstd as u8, 0, 0, 0], lengths.as_slice(), &body, &[0; TAG_BYTES]].concat();
    let salt = forge.salt();
    let mut object = seal_object(&forge.keys, kind, &salt, b"").unwrap();
    object.truncate(SEAL_HEADER_BYTES);
    ObjectKey::read(&forge.keys, kind, &object).unwrap().seal(0, &mut part).unwrap();
    object.extend(part);
    object
}

#[test]
fn pack_directories() {
    let whole = |name, forge| Cell { check: 20, ..Cell::harmless(name, forge) };
    run_all(&[
        whole("a pack directory of 8 GiB", |forge| {
            forge.snapshot(&[Item::file("file", None)]);
            let name = PackName { run: RunId([4; 16]), number: 0 };
            forge.put_sparse(&layout::directory_key(name), 8 << 30);
        }),
        whole("directories that unfold to 256 MiB", |forge| {
            forge.snapshot(&[Item::file("file", None)]);
            for number in 0..4 {
                let name = PackName { run: RunId([4; 16]), number };
                let object = bomb(forge, ObjectKind::Directory, 256 << 20);
                forge.put(&layout::directory_key(name), &object);
            }
        }),
        whole("a million chunks in no more than a few bytes", |forge| {
            many_chunks(forge);
            forge.snapshot(&[Item::file("file", None)]);
        }),
    ]);
}

#[test]
fn packs() {
    run_all(&[
        Cell {
            name: "a pack that ends before its blocks",
            forge: |forge| {
                let chunk = forge.chunk(&[7; 5000]);
                forge.snapshot(&[Item::new("directory", DIRECTORY), Item::file("file", Some(chunk))]);
                let name = PackName { run: forge.origin.run, number: 0 };
                let key = layout::pack_key(ObjectKind::Data, forge.origin.group, name);
                let bytes = std::fs::read(forge.object_path(&key)).unwrap();
                forge.put(&key, &bytes[..140]);
            },
            restore: 20,
            check: 20,
            says: "file",
            opens: true,
        },
        Cell {
            name: "a pack of 8 GiB",
            forge: |forge| {
                let chunk = forge.chunk(&[7; 5000]);
                forge.snapshot(&[Item::file("file", Some(chunk))]);
                let name = PackName { run: forge.origin.run, number: 0 };
                forge.put_sparse(&layout::pack_key(ObjectKind::Data, forge.origin.group, name), 8 << 30);
            },
            restore: 20,
            check: 20,
            says: "file",
            opens: true,
        },
    ]);
}
