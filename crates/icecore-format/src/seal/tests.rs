use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{
        REPOSITORY, assert_golden, assert_refuses_changes, assert_refuses_truncation, keys, keys_of, noise,
        noise_array,
    },
    limits::RECORD_BYTES_MAX,
};

const RECORD: &[u8] = b"\xa1\x00\x01";

fn salt() -> Salt {
    noise_array("salt")
}

fn object() -> Vec<u8> {
    seal_object(&keys(), ObjectKind::Snapshot, &salt(), RECORD).unwrap()
}

fn open(object: &[u8]) -> FormatResult<Vec<u8>> {
    open_object(&keys(), ObjectKind::Snapshot, object)
}

/// Seals a frame that [`frame`] would not build.
fn seal_frame(frame: &[u8]) -> Vec<u8> {
    let key = ObjectKey::new(&keys(), ObjectKind::Snapshot, 0, &salt()).unwrap();
    let mut part = [frame, &[0; TAG_BYTES]].concat();
    key.seal(0, &mut part).unwrap();
    [&key.header()[..], &part].concat()
}

fn frame_of(codec: u8, body: &[u8], body_bytes: u32, record_bytes: u32) -> Vec<u8> {
    let mut frame = vec![codec, 0, 0, 0];
    frame.extend_from_slice(&body_bytes.to_le_bytes());
    frame.extend_from_slice(&record_bytes.to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

#[test]
fn sealed_bytes_are_pinned() {
    assert_golden("sealed-object", &object());
    let key = ObjectKey::new(&keys(), ObjectKind::Data, 0, &salt()).unwrap();
    let mut block = [b"block".as_slice(), &[0; TAG_BYTES]].concat();
    key.seal(7, &mut block).unwrap();
    assert_golden("sealed-block-7", &block);
    let mut padding = [0; 40];
    key.fill_padding(&mut padding);
    assert_golden("padding", &padding);
}

/// The other library shares no code with ours: both must seal to the same bytes.
#[test]
fn another_library_seals_the_same() {
    let key = ObjectKey::new(&keys(), ObjectKind::Data, 0, &salt()).unwrap();
    for (ordinal, length) in
        [(0, 0), (1, 1), (7, 15), (8, 16), (9, 63), (300, 4097), (ORDINAL_DIRECTORY, 70_000)]
    {
        let text = noise("text", length);
        let mut sealed = [text.as_slice(), &[0; TAG_BYTES]].concat();
        key.seal(ordinal, &mut sealed).unwrap();
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&ordinal.to_le_bytes());
        let data = [key.header().as_slice(), &REPOSITORY.0, &ordinal.to_le_bytes()].concat();
        let mut other = text.clone();
        let cipher = ChaCha20Poly1305::new(key.key.expose().into());
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &data, other.as_mut_slice().into()).unwrap();
        other.extend_from_slice(&tag);
        assert_eq!(sealed, other, "part {ordinal} of {length} bytes");
        let mut opened = Vec::new();
        key.open(ordinal, &other, &mut opened).unwrap();
        assert_eq!(opened, text);
    }
}

#[test]
fn a_record_comes_back() {
    assert_eq!(open(&object()).as_deref(), Ok(RECORD));
    let long = b"record ".repeat(10_000);
    let sealed = seal_object(&keys(), ObjectKind::Directory, &salt(), &long).unwrap();
    assert!(sealed.len() < long.len() / 10);
    assert_eq!(open_object(&keys(), ObjectKind::Directory, &sealed), Ok(long));
    assert_eq!(open(&seal_frame(&frame_of(0, b"", 0, 0))), Ok(vec![]));
}

#[test]
fn damage_anywhere_is_refused() {
    assert_refuses_truncation(&object(), open);
    assert_refuses_changes(&object(), open);
    assert!(open(&[&object()[..], b"x"].concat()).is_err());
}

#[test]
fn an_object_opens_only_as_what_it_is() {
    let sealed = object();
    for kind in [ObjectKind::Header, ObjectKind::Data, ObjectKind::Manifest, ObjectKind::Directory] {
        assert!(matches!(open_object(&keys(), kind, &sealed), Err(FormatError::Malformed { .. })));
        let mut renamed = sealed.clone();
        renamed[10] = kind as u8;
        let refused = Err(FormatError::Unauthenticated { what: kind.name() });
        assert_eq!(open_object(&keys(), kind, &renamed), refused);
    }
    let elsewhere = keys_of(RepositoryId([1; 16]), &[0]);
    assert_eq!(
        open_object(&elsewhere, ObjectKind::Snapshot, &sealed),
        Err(FormatError::Unauthenticated { what: "snapshot" })
    );
}

#[test]
fn epochs_are_bound() {
    let both = keys_of(REPOSITORY, &[0, 1]);
    assert_eq!(open_object(&both, ObjectKind::Snapshot, &object()).as_deref(), Ok(RECORD));
    let newer = seal_object(&both, ObjectKind::Snapshot, &salt(), RECORD).unwrap();
    assert_eq!(newer[12..16], [1, 0, 0, 0]);
    assert_eq!(open(&newer), Err(FormatError::UnknownEpoch { epoch: 1 }));
    let mut moved = newer;
    moved[12] = 0;
    assert!(matches!(open(&moved), Err(FormatError::Unauthenticated { .. })));
}

#[test]
fn other_versions_and_reserved_bytes_are_refused() {
    for version in [0u16, 2, 0x0100, u16::MAX] {
        let mut newer = object();
        newer[8..10].copy_from_slice(&version.to_le_bytes());
        let refused = FormatError::UnsupportedVersion { what: "snapshot", found: version, supported: 1 };
        assert!(!refused.is_corruption());
        assert_eq!(open(&newer), Err(refused));
    }
    for reserved in [11, 80, 100, 127] {
        let mut used = object();
        used[reserved] = 1;
        assert!(matches!(open(&used), Err(FormatError::Malformed { .. })), "{reserved}");
    }
    let mut foreign = object();
    foreign[0] = b'X';
    assert_eq!(open(&foreign), Err(FormatError::BadMagic { what: "snapshot" }));
}

#[test]
fn a_part_opens_only_under_its_ordinal() {
    let key = ObjectKey::new(&keys(), ObjectKind::Data, 0, &salt()).unwrap();
    let mut part = [b"text".as_slice(), &[0; TAG_BYTES]].concat();
    key.seal(3, &mut part).unwrap();
    let mut out = Vec::new();
    key.open(3, &part, &mut out).unwrap();
    assert_eq!(out, b"text");
    for ordinal in [0, 2, 4, ORDINAL_DIRECTORY, ORDINAL_DIRECTORY + 3] {
        assert!(key.open(ordinal, &part, &mut out).is_err());
        assert!(out.is_empty(), "no plaintext is handed out");
    }
    let other = ObjectKey::new(&keys(), ObjectKind::Data, 0, &[1; 32]).unwrap();
    assert!(other.open(3, &part, &mut out).is_err());
}

#[test]
fn a_key_made_anew_is_the_key_of_the_header() {
    let key = ObjectKey::new(&keys(), ObjectKind::Data, 0, &salt()).unwrap();
    let read = ObjectKey::read(&keys(), ObjectKind::Data, key.header()).unwrap();
    assert_eq!((read.header(), read.salt(), read.kind()), (key.header(), salt(), ObjectKind::Data));
}

#[test]
fn lying_frames_are_refused() {
    assert_eq!(open(&seal_frame(&frame_of(0, b"abc", 3, 3))).as_deref(), Ok(b"abc".as_slice()));
    let bad = [
        frame_of(0, b"abc", 4, 4),
        frame_of(0, b"abc", u32::MAX, 3),
        frame_of(0, b"abc", 3, 4),
        frame_of(0, b"abc", 3, 2),
        frame_of(2, b"abc", 3, 3),
        frame_of(255, b"abc", 3, 3),
        frame_of(1, b"abc", 3, 3),
        vec![0; FRAME_HEADER_BYTES - 1],
        vec![],
    ];
    for frame in bad {
        assert!(open(&seal_frame(&frame)).is_err(), "{frame:?}");
    }
}

#[test]
fn a_record_beyond_the_bound_is_refused_before_memory_is_asked_for() {
    let kinds = [
        (ObjectKind::Header, 1 << 20),
        (ObjectKind::Data, 256 << 20),
        (ObjectKind::Manifest, 256 << 20),
        (ObjectKind::Directory, 256 << 20),
        (ObjectKind::Snapshot, 1 << 20),
    ];
    let body = zstd::bulk::compress(&[0; 1000], 3).unwrap();
    for (kind, maximum) in kinds {
        for record_bytes in [maximum + 1, u32::MAX] {
            let huge = frame_of(1, &body, body.len() as u32, record_bytes);
            let (found, maximum) = (record_bytes.into(), maximum.into());
            let refused = FormatError::OutOfBounds { what: "length of a record", found, minimum: 0, maximum };
            assert_eq!(unframe(kind, &huge), Err(refused));
        }
    }
    let huge = frame_of(1, &body, body.len() as u32, RECORD_BYTES_MAX + 1);
    assert!(matches!(open(&seal_frame(&huge)), Err(FormatError::OutOfBounds { .. })));
}

#[test]
fn the_longest_records_come_back() {
    let record = vec![0; RECORD_BYTES_MAX as usize];
    let (_, body) = compression::compress_record(&record).unwrap();
    let frame = frame_of(1, &body, body.len() as u32, RECORD_BYTES_MAX);
    assert!(unframe(ObjectKind::Snapshot, &frame) == Ok(record));
    let record = vec![0; RECORD_BYTES_MAX as usize + 1];
    let frame = super::frame(&record).unwrap();
    assert!(unframe(ObjectKind::Snapshot, &frame).is_err());
    assert!(unframe(ObjectKind::Directory, &frame) == Ok(record));
}

#[test]
fn padme_is_pinned() {
    let known = [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
        (8, 8),
        (9, 10),
        (9_000, 9_216),
        (100, 104),
        (1_000, 1_024),
        (1_000_000, 1_015_808),
        ((16 << 20) - 1, 16 << 20),
        (16 << 20, 16 << 20),
    ];
    for (length, padded) in known {
        assert_eq!(padme(length), padded, "{length}");
    }
}

#[test]
fn kinds_have_their_numbers() {
    for number in 0..=255 {
        let kind = ObjectKind::from_number(number);
        assert_eq!(kind.is_ok(), (1..=8).contains(&number));
        assert!(kind.is_err() || kind.is_ok_and(|kind| kind as u8 == number));
    }
}

proptest! {
    #[test]
    fn padme_adds_little_and_is_monotonic(length in 0u64..1 << 40) {
        let padded = padme(length);
        prop_assert!(padded >= length && padded <= length + length / 8 + 1);
        prop_assert_eq!(padme(padded), padded);
        prop_assert!(padme(length + 1) >= padded);
    }

    #[test]
    fn records_round_trip(length in 0usize..3000, compressible in any::<bool>()) {
        let record = if compressible { vec![b'a'; length] } else { noise("record", length) };
        let sealed = seal_object(&keys(), ObjectKind::Snapshot, &salt(), &record).unwrap();
        prop_assert_eq!(open(&sealed), Ok(record));
    }

    #[test]
    fn hostile_frames_do_no_harm(frame in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(record) = unframe(ObjectKind::Snapshot, &frame) {
            prop_assert!(record.len() as u64 <= RECORD_BYTES_MAX.into());
        }
    }
}
