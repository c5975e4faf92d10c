//! Targets for stored bytes.

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use icecore_catalog::directory_row::{self, DirectoryRow, RowColumns};
use icecore_format::{
    bundle::{self, BundleWriter},
    chunk_list::ChunkListNode,
    collection::{CollectionRecord, Condemned},
    compression::{Codec, Decompressor},
    directory::{ChunkInfo, PackDirectory},
    entry::{ChunkListRef, Time},
    header::{Header, Parameters, PlainHeader},
    history::{History, SeenHistory},
    ids::{ChunkId, CollectionNumber, PackName, RecordHash, RecordName, RunId, WriterId},
    index_object,
    keys::{Keys, Secret},
    limits::INDEX_COPIES_MAX,
    log::LogRecord,
    node::{Node, NodeBuilder, NodeItems},
    pack::{BlockOpener, PackBuilder, read_directory_copy},
    path,
    seal::{
        ORDINAL_DIRECTORY, ObjectKey, ObjectKind, SEAL_HEADER_BYTES, TAG_BYTES, open_object, seal_object,
    },
    slot::{Credential, PasswordCost, open_slot, read_slot, seal_slot},
    snapshot::Snapshot,
};

use super::{SALT, keys};

/// Length of the plain part of a header object.
const PLAIN_HEADER_BYTES: usize = 40;
/// Largest plaintext that the targets request, in bytes; with the format's own bounds, they would only be
/// slow.
const PLAIN_BYTES_MAX: u32 = 1 << 20;

fn take<const N: usize>(input: &[u8]) -> Option<([u8; N], &[u8])> {
    let (first, rest) = input.split_first_chunk::<N>()?;
    Some((*first, rest))
}

/// Unwraps a result that cannot be an error, whatever the input.
#[track_caller]
fn certain<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("it cannot fail: {error:?}"))
}

/// Returns a header object of the artificial repository.
pub(super) fn header_object() -> Vec<u8> {
    let header = Header {
        repository: keys().repository(),
        parameters: Parameters::default(),
        created_seconds: 0,
        program: "fuzz".to_owned(),
        read_only: false,
        collections: false,
    };
    certain(header.seal(keys(), &SALT))
}

/// The header of a repository, as anybody with write access to the store may leave it.
pub fn header(object: &[u8]) {
    PlainHeader::read(object).ok();
    Header::open(keys(), object).ok();
}

/// The record in the header of a repository, sealed with the right key.
pub fn header_record(record: &[u8]) {
    let mut object = header_object();
    object.truncate(PLAIN_HEADER_BYTES);
    object.extend(certain(seal_object(keys(), ObjectKind::Header, &SALT, record)));
    let Ok(header) = Header::open(keys(), &object) else { return };
    certain(header.parameters.validate());
    let again = certain(header.seal(keys(), &SALT));
    assert_eq!(Header::open(keys(), &again), Ok(header));
}

/// Seals any plaintext as the only part of an object, without framing and compressing records.
fn seal_plaintext(kind: ObjectKind, ordinal: u64, plaintext: &[u8]) -> Vec<u8> {
    let mut object = certain(seal_object(keys(), kind, &SALT, b""));
    object.truncate(SEAL_HEADER_BYTES);
    let key = certain(ObjectKey::read(keys(), kind, &object));
    let mut part = plaintext.to_vec();
    part.resize(part.len() + TAG_BYTES, 0);
    certain(key.seal(ordinal, &mut part));
    object.extend(part);
    object
}

/// The frame around a record (codec, lengths, padding), sealed with the right key.
pub fn sealed_frame(plaintext: &[u8]) {
    for kind in [ObjectKind::Snapshot, ObjectKind::Directory] {
        open_object(keys(), kind, &seal_plaintext(kind, 0, plaintext)).ok();
    }
}

/// Codec, length and body of compressed bytes, as the targets read them.
fn split_compressed(input: &[u8]) -> Option<(Codec, u32, &[u8])> {
    let ([codec, a, b, c, d], body) = take(input)?;
    let length = u32::from_le_bytes([a, b, c, d]) % (PLAIN_BYTES_MAX + 1);
    Some((Codec::from_number(codec % 2).ok()?, length, body))
}

/// Compressed bytes: codec, length (u32), body.
pub fn compression(input: &[u8]) {
    let Some((codec, length, body)) = split_compressed(input) else { return };
    let mut plain = vec![1, 2, 3];
    let done = certain(Decompressor::new()).decompress(codec, body, length as usize, &mut plain);
    assert_eq!(plain.len(), if done.is_ok() { length as usize } else { 0 });
}

/// A block of one chunk, sealed with the right key: codec, length of the plaintext (u32), compressed body.
pub fn block(input: &[u8]) {
    let Some((codec, length, body)) = split_compressed(input) else { return };
    let mut plain = Vec::new();
    let is_good = certain(Decompressor::new()).decompress(codec, body, length as usize, &mut plain).is_ok();
    let chunk = ChunkInfo { id: keys().chunk_id(&plain), length };
    let pack = PackName { run: RunId([2; 16]), number: 0 };
    let mut builder = certain(PackBuilder::new(keys(), pack, ObjectKind::Data, pack.run, SALT, Vec::new()));
    builder.push(codec, body, length, &[chunk]);
    for block in builder.blocks_to_seal() {
        certain(block.seal());
    }
    let finished = certain(builder.finish());
    let block = finished.directory.blocks[0];
    let stored = &finished.bytes[block.offset as usize..][..block.stored_bytes as usize];
    let key = certain(finished.directory.object_key(keys()));
    let mut opened = Vec::new();
    let mut opener = certain(BlockOpener::new());
    let done = opener.open(keys(), &key, &finished.directory, 0, stored, &mut opened);
    assert_eq!(done.is_ok(), is_good, "{done:?}");
    assert!(!is_good || opened == plain);
    // If lengths are 0 or the codec does not reduce the size, only a hostile writer makes such a directory.
    read_directory_copy(keys(), ObjectKind::Data, &finished.bytes).ok();
}

/// A key slot, as anybody with write access to the store may leave it.
pub fn key_slot(object: &[u8]) {
    if read_slot(object).is_ok() {
        // Only with a key file: with a password, each execution would take a second.
        open_slot(object, &Credential::KeyFile(slot_secret())).ok();
    }
}

fn slot_secret() -> Secret {
    Secret::new([3; 32])
}

/// Returns a key slot of the artificial repository that its key file opens.
pub(super) fn slot_object() -> Vec<u8> {
    let credential = Credential::KeyFile(slot_secret());
    certain(seal_slot(keys(), &credential, PasswordCost::default(), "fuzz", 0, &SALT))
}

/// Returns the key that wraps the payload of [`slot_object`], according to `docs/format.md`.
pub(super) fn slot_cipher() -> ChaCha20Poly1305 {
    let key = blake3::derive_key("icecore 2026-11-20 v1 key file", slot_secret().expose());
    let mut hasher = blake3::Hasher::new_keyed(&key);
    let mut derived = [0; 32];
    hasher.update(&keys().repository().0).update(&SALT).finalize_xof().fill(&mut derived);
    ChaCha20Poly1305::new(&derived.into())
}

/// Returns the position of the sealed payload of a slot.
pub(super) fn slot_payload_start(object: &[u8]) -> usize {
    16 + u32::from_le_bytes([object[12], object[13], object[14], object[15]]) as usize + 32
}

/// The master keys in a key slot, wrapped with the right key.
pub fn key_slot_payload(payload: &[u8]) {
    let mut object = slot_object();
    object.truncate(slot_payload_start(&object));
    let mut sealed = payload.to_vec();
    let associated = &object[..object.len() - 32];
    let text = sealed.as_mut_slice().into();
    let tag = certain(slot_cipher().encrypt_inout_detached(&[0; 12].into(), associated, text));
    object.extend(sealed);
    object.extend_from_slice(&tag);
    if let Ok(found) = open_slot(&object, &Credential::KeyFile(slot_secret())) {
        assert!(found.masters().contains_key(&found.newest_epoch()));
        let again = Keys::derive(found.repository(), found.masters().clone());
        assert_eq!(certain(again).gear(), found.gear());
    }
}

/// A pack: any bytes, and its end sealed with the right key.
pub fn pack(input: &[u8]) {
    for kind in [ObjectKind::Data, ObjectKind::Manifest] {
        read_directory_copy(keys(), kind, input).ok();
        let mut pack = seal_plaintext(kind, ORDINAL_DIRECTORY, input);
        let length = (pack.len() - SEAL_HEADER_BYTES) as u32;
        pack.extend_from_slice(&length.to_le_bytes());
        pack.extend_from_slice(b"ICECPEND");
        if let Ok(directory) = read_directory_copy(keys(), kind, &pack) {
            assert_eq!(directory.kind, kind);
            // It contains only the directory.
            assert!(directory.blocks.is_empty());
        }
    }
}

/// The record of a pack directory, sealed with the right key: run, number of the pack (u32), record.
pub fn pack_directory(input: &[u8]) {
    let Some((run, rest)) = take::<16>(input) else { return };
    let Some((number, record)) = take::<4>(rest) else { return };
    let pack = PackName { run: RunId(run), number: u32::from_le_bytes(number) };
    let object = certain(seal_object(keys(), ObjectKind::Directory, &SALT, record));
    let Ok(directory) = PackDirectory::open(keys(), pack, &object) else { return };
    let chunks: usize = directory.blocks.iter().map(|block| directory.block_chunks(block).len()).sum();
    assert_eq!(chunks, directory.chunks.len());
    let again = certain(directory.seal(keys(), &SALT));
    assert_eq!(PackDirectory::open(keys(), pack, &again).as_ref(), Ok(&directory));
    // The catalogue accepts every accepted directory.
    let mut row = Vec::new();
    directory_row::encode(&directory, &mut row);
    let Some(row) = DirectoryRow::parse(columns(&directory), &row) else {
        panic!("not taken: {directory:?}")
    };
    assert_eq!(row.to_directory(), directory);
}

fn columns(directory: &PackDirectory) -> RowColumns {
    RowColumns {
        pack: directory.pack,
        kind: directory.kind,
        group: directory.group,
        pack_bytes: directory.checksum.map(|checksum| checksum.bytes),
    }
}

/// The record of a snapshot, sealed with the right key: run, record.
pub fn snapshot(input: &[u8]) {
    let Some((run, record)) = take(input) else { return };
    let run = RunId(run);
    let object = certain(seal_object(keys(), ObjectKind::Snapshot, &SALT, record));
    let Ok(snapshot) = Snapshot::open(keys(), run, &object) else { return };
    let again = certain(snapshot.seal(keys(), &SALT));
    assert_eq!(Snapshot::open(keys(), run, &again), Ok(snapshot));
}

/// A record of the log, sealed with the right key: name, record; also computes the history from it.
pub fn log_record(input: &[u8]) {
    let Some((writer, rest)) = take(input) else { return };
    let Some((sequence, record)) = take(rest) else { return };
    let name = RecordName { writer: WriterId(writer), sequence: u32::from_le_bytes(sequence) };
    let object = certain(seal_object(keys(), ObjectKind::Log, &SALT, record));
    let Ok(record) = LogRecord::open(keys(), name, &object) else { return };
    let again = certain(record.seal(keys(), &SALT));
    assert_eq!(LogRecord::open(keys(), name, &again), Ok(record.clone()));
    let named = record.completed.len() + record.references.len();
    let mut history = History::default();
    history.insert(record, RecordHash::of(&object));
    let mut seen = SeenHistory::default();
    assert!(history.losses(&seen, |_| None).len() <= named);
    seen.absorb(&history, Time::default(), []);
    assert!(seen.tips.len() <= 1);
    let runs: Vec<RunId> = history.held_snapshots().map(|hold| hold.run).collect();
    assert!(runs.iter().all(|run| history.held(*run).is_some_and(|hold| hold.run == *run)));
}

/// The record of a collection, sealed with the right key: number (u32), record; and what is condemned by it.
pub fn collection_record(input: &[u8]) {
    let Some((number, record)) = take(input) else { return };
    let Some(number) = CollectionNumber::new(u32::from_le_bytes(number)) else { return };
    let object = certain(seal_object(keys(), ObjectKind::Collection, &SALT, record));
    let Ok(record) = CollectionRecord::open(keys(), number, &object) else { return };
    let again = certain(record.seal(keys(), &SALT));
    assert_eq!(CollectionRecord::open(keys(), number, &again), Ok(record.clone()));
    let condemned = Condemned::of([&record]);
    assert_eq!(condemned.packs().len(), record.packs.len());
    assert!(condemned.packs().all(|pack| condemned.is_condemned(pack) && record.names_pack(pack)));
    for dead in &record.dead_runs {
        let is_usable = |number: &u32| !condemned.is_condemned(PackName { run: dead.run, number: *number });
        let named = |number: &&u32| record.names_pack(PackName { run: dead.run, number: **number });
        assert!(dead.usable.iter().filter(|number| !named(number)).all(is_usable));
    }
}

/// The record of an index object, sealed with the right key.
pub fn index_object(input: &[u8]) {
    let object = certain(seal_object(keys(), ObjectKind::Index, &SALT, input));
    let Ok(copies) = index_object::open(keys(), &object) else { return };
    assert!(copies.len() <= INDEX_COPIES_MAX);
    let again = certain(index_object::seal(&copies, keys(), &SALT));
    assert_eq!(index_object::open(keys(), &again), Ok(copies));
}

/// The record of a bundle of the catalogue, sealed with the right key.
pub fn bundle(input: &[u8]) {
    let object = certain(seal_object(keys(), ObjectKind::Bundle, &SALT, input));
    let opened = certain(bundle::open(keys(), &object));
    let Ok(records) = bundle::records(&opened) else { return };
    let mut writer = BundleWriter::default();
    for record in &records {
        assert!(certain(writer.push(record)));
    }
    let again = certain(bundle::open(keys(), &certain(writer.seal(keys(), &SALT))));
    assert_eq!(bundle::records(&again), Ok(records));
}

/// A manifest node: accepted nodes obey the rules, and can be written again.
pub fn manifest_node(raw: &[u8]) {
    let Ok(node) = Node::decode(raw) else { return };
    let totals = node.totals();
    let mut builder = NodeBuilder::new(node.level, 16);
    match &node.items {
        NodeItems::Leaf(entries) => {
            assert!(entries.is_sorted_by(|left, right| path::compare(&left.path, &right.path).is_lt()));
            for entry in entries {
                certain(entry.validate());
                let user = node.users.get(&entry.user_id).map(Vec::as_slice);
                let group = node.groups.get(&entry.group_id).map(Vec::as_slice);
                certain(builder.push_entry(keys(), entry, user, group));
            }
        }
        NodeItems::Inner(children) => {
            for child in children {
                certain(builder.push_child(keys(), child));
            }
        }
    }
    let encoded = certain(builder.finish(keys()));
    assert_eq!(encoded.child.totals, totals);
    assert_eq!(encoded.child.last_path, node.last_path().unwrap_or_default());
    let again = certain(Node::decode(&encoded.raw));
    assert_eq!((again.level, &again.items), (node.level, &node.items));
}

/// A node of a chunk list with an equally hostile reference: level, chunks (u64), bytes (u64), node.
pub fn chunk_list(input: &[u8]) {
    let Some(([level], rest)) = take(input) else { return };
    let Some((chunks, rest)) = take(rest) else { return };
    let Some((bytes, raw)) = take(rest) else { return };
    let (chunks, bytes) = (u64::from_le_bytes(chunks), u64::from_le_bytes(bytes));
    let list = ChunkListRef { id: ChunkId([0; ChunkId::BYTES]), level, chunks, bytes };
    match ChunkListNode::decode(raw, &list) {
        Ok(ChunkListNode::Leaf(found)) => {
            assert_eq!(found.len() as u64, chunks);
            assert_eq!(found.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>(), bytes);
        }
        Ok(ChunkListNode::Inner(found)) => {
            assert!(found.iter().all(|node| node.level + 1 == level));
            assert_eq!(found.iter().map(|node| node.chunks).sum::<u64>(), chunks);
            assert_eq!(found.iter().map(|node| node.bytes).sum::<u64>(), bytes);
        }
        Err(_) => {}
    }
}

/// A pack directory as it is stored in the catalogue: whether the length of the pack is known (1 byte), row.
pub fn catalogue_row(input: &[u8]) {
    let Some(([flags], encoded)) = take(input) else { return };
    let columns = RowColumns {
        pack: PackName { run: RunId([2; 16]), number: 0 },
        kind: ObjectKind::Data,
        group: RunId([2; 16]),
        pack_bytes: (flags & 1 == 1).then_some(1 << 20),
    };
    let Some(row) = DirectoryRow::parse(columns, encoded) else { return };
    let directory = row.to_directory();
    let chunks: usize = directory.blocks.iter().map(|block| directory.block_chunks(block).len()).sum();
    assert_eq!(chunks, row.chunk_count());
    let mut again = Vec::new();
    directory_row::encode(&directory, &mut again);
    assert!(columns.pack_bytes.is_none() || again == encoded);
}
