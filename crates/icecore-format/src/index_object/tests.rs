use super::*;
use crate::fixtures::keys;
const SALT: Salt = [3; 32];

fn copies() -> Vec<ObjectCopy> {
    [("meta/packs/1", "e-1", 5), ("meta/snapshots/2", "", 0), ("meta/log/3", "\"quoted\"", 300)]
        .map(|(key, version, length)| ObjectCopy {
            key: key.to_owned(),
            version: version.to_owned(),
            bytes: vec![7; length],
        })
        .to_vec()
}

fn sealed(record: &[u8]) -> Vec<u8> {
    seal_object(&keys(), ObjectKind::Index, &SALT, record).unwrap()
}

#[test]
fn what_was_written_is_read() {
    for copies in [copies(), Vec::new()] {
        assert_eq!(open(&keys(), &seal(&copies, &keys(), &SALT).unwrap()).unwrap(), copies);
    }
}

#[test]
fn the_record_is_that_of_the_document() {
    let one = [ObjectCopy { key: "k".to_owned(), version: "v".to_owned(), bytes: b"xyz".to_vec() }];
    let record = b"\xa1\0\x81\x83\x61k\x61v\x43xyz";
    let object = seal(&one, &keys(), &SALT).unwrap();
    assert_eq!(open_object(&keys(), ObjectKind::Index, &object).unwrap(), record);
    let later = b"\xa2\0\x81\x83\x61k\x61v\x43xyz\x01\x82\x01\x02";
    assert_eq!(open(&keys(), &sealed(later)).unwrap(), one, "unknown keys are skipped");
}

#[test]
fn everything_else_is_refused() {
    for record in [
        &b"\xa1\0\x81\x83\x61k\x61v\x43xyz!"[..],
        b"\xa1\0\x81\x82\x61k\x61v",
        b"\xa1\0\x82\x83\x61k\x61v\x43xyz",
        b"",
    ] {
        assert!(open(&keys(), &sealed(record)).is_err(), "{record:?}");
    }
    let other = seal_object(&keys(), ObjectKind::Directory, &SALT, b"\xa1\0\x80").unwrap();
    assert!(open(&keys(), &other).is_err());
    let many = vec![copies()[1].clone(); INDEX_COPIES_MAX + 1];
    assert!(matches!(seal(&many, &keys(), &SALT), Err(FormatError::OutOfBounds { .. })));
    assert!(seal(&many[1..], &keys(), &SALT).is_ok());
}
