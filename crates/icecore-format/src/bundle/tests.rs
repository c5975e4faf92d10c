use super::*;
use crate::fixtures::keys;

const SALT: Salt = [3; 32];

fn sealed(record: &[u8]) -> Vec<u8> {
    seal_object(&keys(), ObjectKind::Bundle, &SALT, record).unwrap()
}

fn record<'a>(key: &'a str, version: &'a str, record: &'a [u8]) -> BundledRecord<'a> {
    BundledRecord { key, version, hash: RecordHash([record.len() as u8; 32]), record }
}

#[test]
fn what_was_written_is_read() {
    let long = vec![7; 70_000];
    let written = [
        record("meta/snapshots/2", "", b""),
        record("meta/log/3", "\"quoted\"", b"abc"),
        record("", "e-1", &long),
    ];
    for written in [&written[..], &[]] {
        let mut writer = BundleWriter::default();
        for record in written {
            assert!(writer.push(record).unwrap());
        }
        assert_eq!(writer.records(), written.len());
        let opened = open(&keys(), &writer.seal(&keys(), &SALT).unwrap()).unwrap();
        assert_eq!(records(&opened).unwrap(), written);
    }
}

#[test]
fn a_bundle_takes_no_more_than_a_reader_opens() {
    let (mut writer, bytes) = (BundleWriter::default(), vec![0; 1 << 20]);
    let mut taken = 0;
    while writer.push(&record("key", "version", &bytes)).unwrap() {
        taken += 1;
    }
    assert_eq!(taken, (BUNDLE_BYTES_MAX >> 20) - 1, "the last one lacks room for its head");
    assert!(writer.push(&record("key", "version", b"short")).unwrap());
    let opened = open(&keys(), &writer.seal(&keys(), &SALT).unwrap()).unwrap();
    assert_eq!(records(&opened).unwrap().len(), taken as usize + 1);
}

#[test]
fn what_is_no_bundle_is_refused() {
    let other = seal_object(&keys(), ObjectKind::Index, &SALT, b"").unwrap();
    assert!(open(&keys(), &other).is_err());
    let mut object = sealed(b"\x84\x61k\x61v\x41x\x41y");
    let last = object.len() - 1;
    object[last] ^= 1;
    assert!(open(&keys(), &object).is_err());
    let hash = [&b"\x84\x61k\x61v\x58\x20"[..], &[9; 32]].concat();
    assert_eq!(
        records(&[&hash[..], b"\x41y"].concat()).unwrap(),
        [BundledRecord { key: "k", version: "v", hash: RecordHash([9; 32]), record: b"y" }]
    );
    let wrong: [Vec<u8>; 5] = [
        b"\x84\x61k\x61v\x41x\x41y".to_vec(),
        b"\x83\x61k\x61v\x41y".to_vec(),
        [&hash[..], b"\x42y"].concat(),
        [&hash[..], b"\x41y\xff"].concat(),
        b"\x9f".to_vec(),
    ];
    for wrong in wrong {
        assert!(records(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn no_object_of_a_repository_is_a_bundle() {
    assert!(ObjectKind::from_number(ObjectKind::Bundle as u8).is_err());
}
