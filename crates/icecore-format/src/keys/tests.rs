use super::*;
use crate::fixtures::{REPOSITORY, assert_golden, keys, keys_of, noise};

#[test]
fn derived_keys_are_pinned() {
    let keys = keys();
    assert_golden("chunk-id-of-nothing", &keys.chunk_id(b"").0);
    assert_golden("chunk-id-of-abc", &keys.chunk_id(b"abc").0);
    assert_golden("chunk-id-of-noise", &keys.chunk_id(&noise("chunk", 100_000)).0);
    assert_golden("node-id-of-abc", &keys.node_id(b"abc").0);
    assert_golden("border-0", &keys.border_bits(0, b"a/b").to_le_bytes());
    assert_golden("border-1", &keys.border_bits(1, b"a/b").to_le_bytes());
    assert_golden("border-root", &keys.border_bits(0, b"").to_le_bytes());
    for kind in KINDS {
        let name = format!("seal-key-{}", kind as u8);
        assert_golden(&name, keys.seal_key(kind, 0).unwrap().expose());
    }
}

#[test]
fn the_gear_table_is_pinned() {
    let keys = keys();
    let bytes: Vec<u8> = keys.gear().iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_golden("gear-0", &bytes[..8]);
    assert_golden("gear-255", &bytes[255 * 8..]);
    assert_golden("gear-hash", blake3::hash(&bytes).as_bytes());
}

const KINDS: [ObjectKind; 8] = [
    ObjectKind::Header,
    ObjectKind::Data,
    ObjectKind::Manifest,
    ObjectKind::Directory,
    ObjectKind::Snapshot,
    ObjectKind::Log,
    ObjectKind::Index,
    ObjectKind::Collection,
];

#[test]
fn each_purpose_has_a_key_of_its_own() {
    let keys = keys();
    let mut all: Vec<[u8; 32]> =
        KINDS.iter().map(|kind| *keys.seal_key(*kind, 0).unwrap().expose()).collect();
    all.push(*keys.seal_key(ObjectKind::Bundle, 0).unwrap().expose());
    all.extend([*keys.chunk_id.expose(), *keys.node_id.expose(), *keys.border.expose()]);
    let number = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), number);
}

#[test]
fn ids_come_from_the_first_epoch_and_seals_from_each() {
    let (first, both) = (keys(), keys_of(REPOSITORY, &[0, 1]));
    assert_eq!((first.newest_epoch(), both.newest_epoch()), (0, 1));
    assert_eq!(first.chunk_id(b"x"), both.chunk_id(b"x"));
    assert_eq!(first.node_id(b"x"), both.node_id(b"x"));
    assert_eq!(first.gear(), both.gear());
    assert_eq!(first.border_bits(3, b"x"), both.border_bits(3, b"x"));
    assert_eq!(first.seal_key(ObjectKind::Data, 0), both.seal_key(ObjectKind::Data, 0));
    assert_ne!(both.seal_key(ObjectKind::Data, 0), both.seal_key(ObjectKind::Data, 1));
    assert_eq!(first.seal_key(ObjectKind::Data, 1), Err(FormatError::UnknownEpoch { epoch: 1 }));
    assert!(!FormatError::UnknownEpoch { epoch: 1 }.is_corruption());
}

#[test]
fn ids_of_data_and_nodes_are_two_name_spaces() {
    let keys = keys();
    assert_ne!(keys.chunk_id(b"x"), keys.node_id(b"x"));
    assert_eq!(keys.id_for_kind(ObjectKind::Data, b"x"), keys.chunk_id(b"x"));
    assert_eq!(keys.id_for_kind(ObjectKind::Manifest, b"x"), keys.node_id(b"x"));
}

#[test]
fn there_are_no_keys_without_the_first_master_key() {
    for epochs in [&[][..], &[1], &[1, 2], &[KeyEpoch::MAX]] {
        let masters = epochs.iter().map(|epoch| (*epoch, Secret::new([1; KEY_BYTES]))).collect();
        assert!(
            matches!(Keys::derive(REPOSITORY, masters), Err(FormatError::Malformed { .. })),
            "{epochs:?}"
        );
    }
}

#[test]
fn ids_are_the_beginning_of_a_keyed_hash() {
    let keys = keys();
    let whole = blake3::keyed_hash(keys.chunk_id.expose(), b"abc");
    assert_eq!(keys.chunk_id(b"abc").0, whole.as_bytes()[..24]);
    let whole = blake3::keyed_hash(keys.node_id.expose(), b"abc");
    assert_eq!(keys.node_id(b"abc").0, whole.as_bytes()[..24]);
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", keys(), keys().masters());
    assert!(!shown.contains("0, 1, 2") && !shown.contains("000102"), "{shown}");
}
