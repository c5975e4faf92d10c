use super::*;
use crate::fixtures::{
    REPOSITORY, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, keys_of, noise_array,
};

fn header() -> Header {
    Header {
        repository: REPOSITORY,
        parameters: Parameters::default(),
        created_seconds: 1_790_000_000,
        program: "icecore 0.1.0".to_owned(),
    }
}

fn salt() -> Salt {
    noise_array("header salt")
}

fn object() -> Vec<u8> {
    header().seal(&keys(), &salt()).unwrap()
}

/// Seals a record that [`Header::seal`] would not write, behind the plain part of a good header.
fn seal_record(change: impl FnOnce(&mut HeaderRecord)) -> Vec<u8> {
    let mut record = HeaderRecord {
        version: 1,
        features_required: 0,
        repository: REPOSITORY.0,
        created_seconds: 0,
        program: String::new(),
        chunk_minimum: 64 << 10,
        chunk_average: 256 << 10,
        chunk_maximum: 1 << 20,
        block_bytes: 1 << 20,
        node_items: 64,
    };
    change(&mut record);
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &encode_record(&record).unwrap()).unwrap();
    [&object()[..PLAIN_BYTES], &sealed].concat()
}

#[test]
fn header_bytes_are_pinned() {
    assert_golden("header", &object());
}

#[test]
fn a_header_comes_back() {
    assert_eq!(Header::open(&keys(), &object()), Ok(header()));
    assert_eq!(PlainHeader::read(&object()), Ok(PlainHeader { version: 1, repository: REPOSITORY }));
    assert!(Header::open(&keys(), &seal_record(|_| {})).is_ok());
}

#[test]
fn damage_anywhere_is_refused() {
    let open = |object: &[u8]| Header::open(&keys(), object);
    assert_refuses_truncation(&object(), open);
    assert_refuses_changes(&object(), open);
}

#[test]
fn the_header_of_another_repository_is_refused() {
    let elsewhere = keys_of(RepositoryId([1; 16]), &[0]);
    assert!(Header::open(&elsewhere, &object()).is_err());
    let mut renamed = object();
    renamed[16..32].copy_from_slice(&[1; 16]);
    assert!(Header::open(&elsewhere, &renamed).is_err());
    assert!(Header::open(&keys(), &renamed).is_err());
}

#[test]
fn newer_versions_and_unknown_features_are_refused_as_such() {
    let mut newer = object();
    newer[8] = 2;
    let refused = FormatError::UnsupportedVersion { what: WHAT, found: 2, supported: 1 };
    assert_eq!(PlainHeader::read(&newer), Err(refused));
    let mut features = object();
    features[13] = 1;
    assert_eq!(PlainHeader::read(&features), Err(FormatError::UnsupportedFeature { unknown: 0x100 }));
    let sealed = seal_record(|record| record.features_required = 4);
    assert_eq!(Header::open(&keys(), &sealed), Err(FormatError::UnsupportedFeature { unknown: 4 }));
    assert!(!FormatError::UnsupportedFeature { unknown: 4 }.is_corruption());
}

#[test]
fn the_sealed_part_must_agree_with_the_plain_one() {
    assert!(Header::open(&keys(), &seal_record(|record| record.version = 2)).is_err());
    assert!(Header::open(&keys(), &seal_record(|record| record.repository = [0; 16])).is_err());
}

#[test]
fn parameters_out_of_bounds_are_refused() {
    let bad: [fn(&mut HeaderRecord); 9] = [
        |record| record.chunk_minimum = 63,
        |record| record.chunk_average = 100_000,
        |record| record.chunk_maximum = u32::MAX,
        |record| record.block_bytes = 0,
        |record| record.block_bytes = (16 << 20) + 1,
        |record| record.block_bytes = u32::MAX,
        |record| record.node_items = 3,
        |record| record.node_items = 1025,
        |record| record.chunk_minimum = 512 << 10,
    ];
    for change in bad {
        assert!(matches!(Header::open(&keys(), &seal_record(change)), Err(FormatError::OutOfBounds { .. })));
    }
    let parameters = Parameters { node_items: 0, ..Parameters::default() };
    assert!(Header { parameters, ..header() }.seal(&keys(), &salt()).is_err());
}

#[test]
fn unknown_fields_are_skipped() {
    let record = encode_record(&HeaderRecord {
        version: 1,
        features_required: 0,
        repository: REPOSITORY.0,
        created_seconds: 7,
        program: String::new(),
        chunk_minimum: 64,
        chunk_average: 256,
        chunk_maximum: 1024,
        block_bytes: 4096,
        node_items: 4,
    })
    .unwrap();
    assert_eq!(record[0], 0xaa, "a map of ten");
    let longer = [&[0xab], &record[1..], &[0x18, 0x63, 0xa1, 0x61, b'x', 0x82, 0x01, 0xf6]].concat();
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &longer).unwrap();
    let header = Header::open(&keys(), &[&object()[..PLAIN_BYTES], &sealed].concat()).unwrap();
    assert_eq!((header.created_seconds, header.parameters.node_items), (7, 4));
    let trailing = [&record[..], &[0]].concat();
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &trailing).unwrap();
    assert!(Header::open(&keys(), &[&object()[..PLAIN_BYTES], &sealed].concat()).is_err());
}
