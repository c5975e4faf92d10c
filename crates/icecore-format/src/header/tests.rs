use super::*;
use crate::fixtures::{
    REPOSITORY, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, keys_of, noise_array,
};

fn header() -> Header {
    Header {
        repository: REPOSITORY,
        // Spelled out, so that the golden bytes do not depend on the defaults.
        parameters: Parameters {
            chunker: ChunkerParameters { minimum: 64 << 10, average: 256 << 10, maximum: 1 << 20 },
            block_bytes: 1 << 20,
            node_items: 64,
        },
        created_seconds: 1_790_000_000,
        program: "icecore 0.1.0".to_owned(),
        read_only: false,
        collections: false,
    }
}

fn salt() -> Salt {
    noise_array("header salt")
}

fn object() -> Vec<u8> {
    header().seal(&keys(), &salt()).unwrap()
}

fn good_record() -> HeaderRecord {
    HeaderRecord {
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
        features_for_writing: 0,
    }
}

/// Seals a record that [`Header::seal`] would not write, after the plain part of a good header.
fn seal_record(change: impl FnOnce(&mut HeaderRecord)) -> Vec<u8> {
    let mut record = good_record();
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
    assert_eq!(
        PlainHeader::read(&object()),
        Ok(PlainHeader { version: 1, repository: REPOSITORY, read_only: false })
    );
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
    renamed[24..40].copy_from_slice(&[1; 16]);
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
    assert!(!FormatError::UnsupportedFeature { unknown: 4 }.is_corruption());
}

#[test]
fn unknown_features_for_writing_leave_a_repository_readable() {
    for features in [2u32, 1 << 31, u32::MAX] {
        let mut object = seal_record(|record| record.features_for_writing = features);
        object[16..20].copy_from_slice(&features.to_le_bytes());
        assert!(PlainHeader::read(&object).unwrap().read_only);
        let header = Header::open(&keys(), &object).unwrap();
        assert!(header.read_only && header.parameters.node_items == 4);
    }
}

#[test]
fn the_feature_collections_is_known_and_can_be_set() {
    let object = object();
    let other_salt = noise_array("other header salt");
    let changed = Header::with_collections(&keys(), &object, &other_salt).unwrap().unwrap();
    assert_golden("header-collections", &changed);
    assert!(!PlainHeader::read(&changed).unwrap().read_only);
    let expected = Header { collections: true, ..header() };
    assert_eq!(Header::open(&keys(), &changed), Ok(expected.clone()));
    assert_eq!(expected.seal(&keys(), &other_salt), Ok(changed.clone()));
    assert_eq!(Header::with_collections(&keys(), &changed, &salt()), Ok(None));
    let open = |object: &[u8]| Header::open(&keys(), object);
    assert_refuses_changes(&changed, open);
}

#[test]
fn setting_a_feature_keeps_unknown_fields_and_refuses_unknown_features() {
    let record = encode_record(&good_record()).unwrap();
    let longer = [&[0xac], &record[1..], &[0x18, 0x63, 0xa1, 0x61, b'x', 0x82, 0x01, 0xf6]].concat();
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &longer).unwrap();
    let object = [&object()[..PLAIN_BYTES], &sealed].concat();
    let changed = Header::with_collections(&keys(), &object, &salt()).unwrap().unwrap();
    let opened = open_object(&keys(), ObjectKind::Header, &changed[PLAIN_BYTES..]).unwrap();
    let at = record.len() - 1;
    assert_eq!((longer[at], opened[at]), (0, 1));
    assert_eq!((&opened[..at], &opened[at + 1..]), (&longer[..at], &longer[at + 1..]));
    let mut newer = seal_record(|record| record.features_for_writing = 6);
    newer[16] = 6;
    let refused = Err(FormatError::UnsupportedFeature { unknown: 6 });
    assert_eq!(Header::with_collections(&keys(), &newer, &salt()), refused);
}

#[test]
fn the_sealed_part_must_agree_with_the_plain_one() {
    let altered = Err(FormatError::malformed(WHAT, "its unencrypted part was changed"));
    let changes: [fn(&mut HeaderRecord); 4] = [
        |record| record.version = 2,
        |record| record.repository = [0; 16],
        |record| record.features_required = 4,
        |record| record.features_for_writing = 4,
    ];
    for change in changes {
        assert_eq!(Header::open(&keys(), &seal_record(change)), altered);
    }
    // Somebody added, removed or moved bits, and the sealed part disagrees.
    for features in [0u32, 1, 2, 7, 4 << 8] {
        let mut object = seal_record(|record| record.features_for_writing = 4);
        object[16..20].copy_from_slice(&features.to_le_bytes());
        assert_eq!(Header::open(&keys(), &object), altered, "{features:#x}");
    }
    for reserved in [10, 11, 20, 21, 22, 23] {
        let mut object = object();
        object[reserved] = 1;
        assert_eq!(Header::open(&keys(), &object), altered, "byte {reserved}");
    }
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
        |record| record.chunk_minimum = 512,
    ];
    for change in bad {
        assert!(matches!(Header::open(&keys(), &seal_record(change)), Err(FormatError::OutOfBounds { .. })));
    }
    let parameters = Parameters { node_items: 0, ..Parameters::default() };
    assert!(Header { parameters, ..header() }.seal(&keys(), &salt()).is_err());
}

#[test]
fn unknown_fields_are_skipped() {
    let record = encode_record(&good_record()).unwrap();
    assert_eq!(record[0], 0xab, "a map of eleven");
    let longer = [&[0xac], &record[1..], &[0x18, 0x63, 0xa1, 0x61, b'x', 0x82, 0x01, 0xf6]].concat();
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &longer).unwrap();
    let header = Header::open(&keys(), &[&object()[..PLAIN_BYTES], &sealed].concat()).unwrap();
    assert_eq!((header.created_seconds, header.parameters.node_items), (7, 4));
    let trailing = [&record[..], &[0]].concat();
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &trailing).unwrap();
    assert!(Header::open(&keys(), &[&object()[..PLAIN_BYTES], &sealed].concat()).is_err());
}

#[test]
fn every_field_is_required() {
    let record = encode_record(&good_record()).unwrap();
    // The last field is key 10 with the value 0.
    assert_eq!(record[record.len() - 2..], [10, 0]);
    let shorter = [&[0xaa], &record[1..record.len() - 2]].concat();
    let sealed = seal_object(&keys(), ObjectKind::Header, &salt(), &shorter).unwrap();
    assert!(Header::open(&keys(), &[&object()[..PLAIN_BYTES], &sealed].concat()).is_err());
}
