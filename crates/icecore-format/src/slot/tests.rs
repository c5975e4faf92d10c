use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{
        REPOSITORY, assert_golden, assert_refuses_changes, assert_refuses_truncation, hex, keys, keys_of,
        noise_array,
    },
    keys::KeyEpoch,
};

fn secret() -> Secret {
    Secret::new(noise_array("key file"))
}

fn key_file() -> Credential {
    Credential::KeyFile(secret())
}

fn password(text: &str) -> Credential {
    Credential::Password(Zeroizing::new(text.as_bytes().to_vec()))
}

fn salt() -> Salt {
    noise_array("slot salt")
}

fn slot() -> Vec<u8> {
    seal_slot(&keys(), &key_file(), PasswordCost::FLOOR, "laptop", 1_790_000_000, &salt()).unwrap()
}

/// Builds a slot from a plain record, followed by nothing that could be opened.
fn slot_with(record: &[u8]) -> Vec<u8> {
    let mut object = b"ICECSLOT\x01\0\0\0".to_vec();
    object.extend_from_slice(&(record.len() as u32).to_le_bytes());
    object.extend_from_slice(record);
    object.resize(object.len() + 100, 0);
    object
}

fn password_record(memory_kib: u32, passes: u32, lanes: u32) -> SlotRecord {
    let kind = SlotKind::Password(PasswordCost { memory_kib, passes, lanes });
    slot_record(&SlotInfo {
        kind,
        repository: REPOSITORY,
        label: String::new(),
        created_seconds: 0,
        salt: salt(),
    })
}

#[test]
fn slots_of_key_files_are_pinned() {
    assert_golden("slot-key-file", &slot());
    assert_golden("key-file", write_key_file(REPOSITORY, &secret()).as_bytes());
}

/// The only test that stretches a password many times; the others stop before that.
#[test]
fn slots_of_passwords_are_pinned_and_open() {
    let slot = seal_slot(&keys(), &password("correct horse"), PasswordCost::FLOOR, "", 0, &salt()).unwrap();
    assert_golden("slot-password", &slot);
    let keys = open_slot(&slot, &password("correct horse")).unwrap();
    assert_eq!(keys.masters(), crate::fixtures::keys().masters());
    assert_eq!(open_slot(&slot, &password("correct horse ")).unwrap_err(), FormatError::WrongKey);
    assert_eq!(open_slot(&slot, &key_file()).unwrap_err(), FormatError::WrongKey);
    // The cost is authenticated: a cheaper one gives another key.
    let at = slot.windows(5).position(|bytes| bytes == b"\x05\x1a\x00\x01\x00").unwrap();
    let mut cheaper = slot;
    cheaper[at + 4] = 1;
    assert_eq!(open_slot(&cheaper, &password("correct horse")).unwrap_err(), FormatError::WrongKey);
}

/// Known answer of the reference implementation (through argon2-cffi 25.1, `memory_cost=65536`, which is in
/// KiB).
#[test]
fn memory_cost_is_in_kib() {
    let kind = SlotKind::Password(PasswordCost { memory_kib: 65_536, passes: 3, lanes: 1 });
    let label = String::new();
    let info = SlotInfo {
        kind,
        repository: REPOSITORY,
        label,
        created_seconds: 0,
        salt: std::array::from_fn(|i| i as u8),
    };
    let wrapping = wrapping_key(&info, &password("password")).unwrap().unwrap();
    assert_eq!(
        hex(wrapping.key.expose()),
        "82d37ae6c335c3244acdd09507e4542fe17a5a7a99923bd268ac11f055543e1d"
    );
    assert_eq!(hex(&wrapping.commitment), "ff98c6f04d072a48b9199181b34e0541593a4827e2112bacd374a9ceaef5bfca");
}

/// RFC 9106, section 5.3: 32 KiB, 3 passes, 4 lanes.
#[test]
fn argon2id_is_that_of_the_rfc() {
    let parameters = argon2::ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .output_len(32)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let mut tag = [0; 32];
    Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, parameters)
        .unwrap()
        .hash_password_into(&[1; 32], &[2; 16], &mut tag)
        .unwrap();
    assert_eq!(hex(&tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}

#[test]
fn a_key_file_opens_its_slot() {
    let keys = open_slot(&slot(), &key_file()).unwrap();
    assert_eq!((keys.repository(), keys.masters()), (REPOSITORY, crate::fixtures::keys().masters()));
    let info = read_slot(&slot()).unwrap();
    assert_eq!((info.kind, info.repository), (SlotKind::KeyFile, REPOSITORY));
    assert_eq!((info.label.as_str(), info.created_seconds), ("laptop", 1_790_000_000));
}

fn data_key() -> KmsDataKey {
    KmsDataKey {
        wrapped: noise_array::<184>("wrapped").to_vec(),
        key_arn: "arn:aws:kms:eu-west-1:111122223333:key/backup".to_owned(),
        region: "eu-west-1".to_owned(),
    }
}

fn kms(data_key: KmsDataKey, secret: Secret) -> Credential {
    Credential::Kms { data_key, secret }
}

#[test]
fn slots_of_kms_are_pinned_and_open() {
    let credential = kms(data_key(), secret());
    let slot = seal_slot(&keys(), &credential, PasswordCost::FLOOR, "role", 7, &salt()).unwrap();
    assert_golden("slot-kms", &slot);
    assert_eq!(read_slot(&slot).unwrap().kind, SlotKind::Kms(data_key()));
    assert_eq!(open_slot(&slot, &credential).unwrap().masters(), keys().masters());
    let other = KmsDataKey { wrapped: vec![1], ..data_key() };
    for wrong in [kms(data_key(), Secret::new([1; 32])), kms(other, secret()), key_file()] {
        assert_eq!(open_slot(&slot, &wrong).unwrap_err(), FormatError::WrongKey);
    }
    assert_refuses_changes(&slot, |object| open_slot(object, &credential));
    assert_refuses_truncation(&slot, |object| open_slot(object, &credential));
}

#[test]
fn keys_of_kms_that_are_none_are_refused() {
    let bad = [
        KmsDataKey { wrapped: Vec::new(), ..data_key() },
        KmsDataKey { wrapped: vec![0; 6145], ..data_key() },
        KmsDataKey { key_arn: String::new(), ..data_key() },
        KmsDataKey { key_arn: "a".repeat(2049), ..data_key() },
        KmsDataKey { region: String::new(), ..data_key() },
        KmsDataKey { region: "a".repeat(65), ..data_key() },
        // The region becomes a part of a host name.
        KmsDataKey { region: "evil.example/".to_owned(), ..data_key() },
    ];
    for data_key in bad {
        let sealed =
            seal_slot(&keys(), &kms(data_key.clone(), secret()), PasswordCost::FLOOR, "", 0, &salt());
        assert!(sealed.is_err(), "{data_key:?}");
        let (repository, label, salt) = (REPOSITORY, String::new(), salt());
        let info = SlotInfo { kind: SlotKind::Kms(data_key), repository, label, created_seconds: 0, salt };
        let record = encode_record(&slot_record(&info)).unwrap();
        assert!(matches!(read_slot(&slot_with(&record)), Err(FormatError::Malformed { .. })));
    }
    // All of its fields, and none of those for a password.
    let (repository, label) = (REPOSITORY, String::new());
    let info =
        SlotInfo { kind: SlotKind::Kms(data_key()), repository, label, created_seconds: 0, salt: salt() };
    for change in [
        (|record| record.kms_region = None) as fn(&mut SlotRecord),
        |record| record.kms_wrapped = None,
        |record| record.lanes = Some(1),
    ] {
        let mut record = slot_record(&info);
        change(&mut record);
        assert!(read_slot(&slot_with(&encode_record(&record).unwrap())).is_err());
    }
}

#[test]
fn every_epoch_is_in_a_slot() {
    let both = keys_of(REPOSITORY, &[0, 1, 7]);
    let slot = seal_slot(&both, &key_file(), PasswordCost::default(), "", 0, &salt()).unwrap();
    assert_eq!(open_slot(&slot, &key_file()).unwrap().masters(), both.masters());
}

#[test]
fn wrong_credentials_are_told_from_damage() {
    let other = Credential::KeyFile(Secret::new([1; 32]));
    assert_eq!(open_slot(&slot(), &other).unwrap_err(), FormatError::WrongKey);
    assert_eq!(open_slot(&slot(), &password("x")).unwrap_err(), FormatError::WrongKey);
    let mut damaged = slot();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(
        open_slot(&damaged, &key_file()).unwrap_err(),
        FormatError::Unauthenticated { what: "key slot" }
    );
}

#[test]
fn damage_anywhere_is_refused() {
    let open = |object: &[u8]| open_slot(object, &key_file());
    assert_refuses_truncation(&slot(), open);
    assert_refuses_changes(&slot(), open);
    assert!(open(&[&slot()[..], b"x"].concat()).is_err());
}

/// Opens a slot with a payload that [`seal_slot`] would not write: anybody with the key file can seal any
/// payload.
fn forged(payload: &SlotPayload) -> FormatResult<Keys> {
    let info = read_slot(&slot()).unwrap();
    let wrapping = wrapping_key(&info, &key_file()).unwrap().unwrap();
    let end = PREFIX_BYTES + encode_record(&slot_record(&info)).unwrap().len();
    let mut object = slot()[..end].to_vec();
    let mut payload = encode_record(payload).unwrap();
    let tag = ChaCha20Poly1305::new(wrapping.key.expose().into())
        .encrypt_inout_detached(&[0; 12].into(), &object, payload.as_mut_slice().into())
        .unwrap();
    object.extend_from_slice(&wrapping.commitment);
    object.extend_from_slice(&payload);
    object.extend_from_slice(&tag);
    open_slot(&object, &key_file())
}

#[test]
fn a_slot_of_another_repository_is_refused() {
    let good = slot_payload(REPOSITORY, keys().masters());
    assert!(forged(&good).is_ok());
    assert!(forged(&SlotPayload { repository: [0; 16], ..good }).is_err());
}

#[test]
fn master_keys_that_break_a_rule_are_refused() {
    let with = |masters: &[(KeyEpoch, usize)]| {
        let masters = masters.iter().map(|(epoch, length)| (*epoch, vec![7; *length].into())).collect();
        forged(&SlotPayload { repository: REPOSITORY.0, masters })
    };
    assert!(with(&[(0, 32)]).is_ok() && with(&[(0, 32), (1, 32), (9, 32)]).is_ok());
    let bad: [&[(KeyEpoch, usize)]; 7] = [
        &[],
        &[(0, 31)],
        &[(0, 33)],
        // Without the first epoch.
        &[(1, 32)],
        &[(1, 32), (2, 32)],
        // The same epoch twice, with the same key.
        &[(0, 32), (0, 32)],
        &[(0, 32), (1, 32), (1, 32)],
    ];
    for masters in bad {
        assert!(matches!(with(masters), Err(FormatError::Malformed { .. })), "{masters:?}");
    }
}

#[test]
fn costs_out_of_bounds_are_refused_before_memory_is_asked_for() {
    let bad = [
        (u32::MAX, 3, 1),
        ((4 << 20) + 1, 3, 1),
        ((64 << 10) - 1, 3, 1),
        (8, 3, 1),
        (0, 0, 0),
        (64 << 10, 2, 1),
        (64 << 10, 33, 1),
        (64 << 10, u32::MAX, 1),
        (64 << 10, 3, 0),
        (64 << 10, 3, 65),
    ];
    for (memory_kib, passes, lanes) in bad {
        let slot = slot_with(&encode_record(&password_record(memory_kib, passes, lanes)).unwrap());
        let refused = open_slot(&slot, &password("x")).unwrap_err();
        assert!(
            matches!(refused, FormatError::OutOfBounds { .. }),
            "{memory_kib} {passes} {lanes}: {refused}"
        );
        assert!(read_slot(&slot).is_err());
        let cost = PasswordCost { memory_kib, passes, lanes };
        assert!(seal_slot(&keys(), &password("x"), cost, "", 0, &salt()).is_err());
    }
    for cost in [PasswordCost::FLOOR, PasswordCost::CEILING, PasswordCost::default()] {
        assert_eq!(cost.validate(), Ok(cost));
    }
}

#[test]
fn terabytes_that_do_not_fit_the_field_are_refused() {
    let mut record = encode_record(&password_record(64 << 10, 3, 1)).unwrap();
    let at = record.windows(6).position(|bytes| bytes == b"\x05\x1a\x00\x01\x00\x00").unwrap();
    // 2^40 KiB as a number of 64 bits.
    record.splice(at + 1..at + 6, *b"\x1b\x00\x00\x01\x00\x00\x00\x00\x00");
    assert!(matches!(open_slot(&slot_with(&record), &password("x")), Err(FormatError::Malformed { .. })));
}

#[test]
fn records_that_break_a_rule_are_refused() {
    let good = || password_record(64 << 10, 3, 1);
    assert!(read_slot(&slot_with(&encode_record(&good()).unwrap())).is_ok());
    let bad = [
        SlotRecord { kind: 2, ..good() },
        SlotRecord { kind: 2, memory_kib: None, passes: None, ..good() },
        SlotRecord { memory_kib: None, passes: None, lanes: None, ..good() },
        SlotRecord { memory_kib: None, ..good() },
        SlotRecord { passes: None, ..good() },
        SlotRecord { lanes: None, ..good() },
        SlotRecord { label: "x".repeat(TEXT_BYTES_MAX + 1), ..good() },
    ];
    for record in bad {
        let refused = read_slot(&slot_with(&encode_record(&record).unwrap()));
        assert!(matches!(refused, Err(FormatError::Malformed { .. })), "{refused:?}");
    }
    let label = "x".repeat(TEXT_BYTES_MAX + 1);
    assert!(seal_slot(&keys(), &key_file(), PasswordCost::FLOOR, &label, 0, &salt()).is_err());
}

#[test]
fn slots_of_unknown_kinds_are_told_from_damage() {
    for kind in [0, 4, 255] {
        let unknown = FormatError::UnsupportedSlot { kind };
        assert!(!unknown.is_corruption());
        let with_cost = SlotRecord { kind, ..password_record(64 << 10, 3, 1) };
        let without = SlotRecord { memory_kib: None, passes: None, lanes: None, ..with_cost };
        let with_cost = SlotRecord { kind, ..password_record(1, 1, 1) };
        for record in [with_cost, without] {
            let slot = slot_with(&encode_record(&record).unwrap());
            assert_eq!(read_slot(&slot).unwrap_err(), unknown);
            assert_eq!(open_slot(&slot, &key_file()).unwrap_err(), unknown);
        }
    }
}

#[test]
fn a_record_longer_than_the_slot_is_refused() {
    let mut slot = slot();
    slot[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read_slot(&slot), Err(FormatError::Truncated { .. })));
}

#[test]
fn newer_slots_are_refused_as_such() {
    for version in [0, 2] {
        let mut newer = slot();
        newer[8] = version;
        assert!(matches!(read_slot(&newer), Err(FormatError::UnsupportedVersion { .. })));
    }
}

#[test]
fn key_files_round_trip() {
    let text = write_key_file(REPOSITORY, &secret());
    let (repository, read) = read_key_file(&text).unwrap();
    assert!(repository == Some(REPOSITORY) && read == secret());
    let digits = hex(secret().expose());
    let (repository, read) = read_key_file(&format!("\n# c\n  secret   {digits} \r\n")).unwrap();
    assert!(repository.is_none() && read == secret());
}

#[test]
fn broken_key_files_are_refused() {
    let digits = hex(secret().expose());
    let bad = [
        String::new(),
        "secret".to_owned(),
        "secret 00".to_owned(),
        format!("secret {}", digits.to_uppercase()),
        format!("secret {digits}00"),
        format!("secret {digits}\ncheck 00000000"),
        format!("secret {digits}\ncheck"),
        format!("secret {digits}\nother x"),
        format!("secret {digits}\nrepository xyz"),
        digits,
    ];
    for text in bad {
        assert!(read_key_file(&text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn hostile_slots_do_no_harm(tail in prop::collection::vec(any::<u8>(), 0..200), length in 0u32..300) {
        let mut object = b"ICECSLOT\x01\0\0\0".to_vec();
        object.extend_from_slice(&length.to_le_bytes());
        object.extend_from_slice(&tail);
        prop_assert!(open_slot(&object, &key_file()).is_err());
        prop_assert!(read_slot(&tail).is_err());
    }
}
