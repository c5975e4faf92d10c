use icecore_format::{
    error::FormatError,
    ids::RepositoryId,
    layout::slot_key,
    slot::{SLOT_BYTES_MAX, SlotKind, seal_slot},
};
use icecore_store::{
    fault::{Fault, FaultPlan, FaultWhen},
    method::Method,
};
use zeroize::Zeroizing;

use super::*;
use crate::bed::{Bed, key_file};

fn unlock(bed: &Bed, credential: Credential) -> RepoResult<Repository> {
    Repository::unlock(bed.store(), bed.repository.environment().clone(), &[credential])
}

fn change(repository: &Repository, present: &Credential, new: &Credential) -> RepoResult<KeyChange> {
    begin_change(repository, present, new, PasswordCost::FLOOR)?.finish()
}

fn add_file(bed: &Bed, byte: u8) -> String {
    add(&bed.repository, &key_file(byte), PasswordCost::FLOOR, &format!("slot {byte}")).unwrap()
}

fn only_slot(bed: &Bed) -> String {
    bed.keys_under(KEYS_PREFIX).remove(0)
}

/// Puts an object among the slots under the name that its content requires.
fn plant(bed: &Bed, object: &[u8]) {
    bed.set(&slot_key(object), object.to_vec());
}

#[test]
fn slots_are_added_listed_and_removed() {
    let bed = Bed::new();
    let first = list(&bed.repository).unwrap().remove(0);
    assert!(first.opens_with(&key_file(7)) && !first.opens_with(&key_file(8)));
    let second = add_file(&bed, 8);
    let slots = list(&bed.repository).unwrap();
    assert_eq!(slots.len(), 2);
    let added = slots.iter().find(|slot| slot.id == second).unwrap();
    let info = added.info.as_ref().unwrap();
    assert_eq!(
        (info.label.as_str(), info.kind.clone(), info.repository),
        ("slot 8", SlotKind::KeyFile, bed.repository.id())
    );
    assert!(added.opens_with(&key_file(8)));
    for byte in [7, 8] {
        let keys = Arc::clone(unlock(&bed, key_file(byte)).unwrap().keys());
        assert_eq!(keys.chunk_id(b"x"), bed.repository.keys().chunk_id(b"x"), "the same keys");
    }
    assert_eq!(remove(&bed.repository, &first.id[..6]).unwrap(), first.id);
    assert!(matches!(unlock(&bed, key_file(7)), Err(RepoError::WrongKey { .. })));
    unlock(&bed, key_file(8)).unwrap();
}

#[test]
fn the_last_slot_stays() {
    let bed = Bed::new();
    let id = list(&bed.repository).unwrap().remove(0).id;
    assert!(matches!(remove(&bed.repository, &id), Err(RepoError::LastSlot)));
    // Neither a damaged slot nor one of another repository allows removing the last one.
    let other = Bed::seeded(2);
    plant(&bed, &other.get(&only_slot(&other)));
    let damaged = format!("{KEYS_PREFIX}{}", "f".repeat(32));
    bed.set(&damaged, b"damaged".to_vec());
    assert!(matches!(remove(&bed.repository, &id), Err(RepoError::LastSlot)));
    unlock(&bed, key_file(7)).unwrap();
    // The others can be removed.
    remove(&bed.repository, &"f".repeat(32)).unwrap();
    let foreign = list(&bed.repository).unwrap().into_iter().find(|slot| slot.id != id).unwrap().id;
    remove(&bed.repository, &foreign).unwrap();
    assert_eq!(list(&bed.repository).unwrap().len(), 1);
}

#[test]
fn a_slot_to_remove_must_be_named_exactly() {
    let bed = Bed::new();
    add_file(&bed, 8);
    for (id, count) in [("", 2), ("no such slot", 0)] {
        let error = remove(&bed.repository, id).unwrap_err();
        assert!(matches!(error, RepoError::SlotNotFound { found, .. } if found == count), "{error}");
    }
    assert_eq!(list(&bed.repository).unwrap().len(), 2);
}

#[test]
fn a_damaged_slot_does_not_hide_a_good_one() {
    let bed = Bed::new();
    let key = only_slot(&bed);
    let id = add_file(&bed, 8);
    bed.damage(&key, |bytes| *bytes.last_mut().unwrap() ^= 1);
    let slots = list(&bed.repository).unwrap();
    assert_eq!(slots.iter().filter(|slot| slot.info.is_err()).count(), 1);
    assert!(slots.iter().filter(|slot| slot.info.is_err()).all(|slot| !slot.opens_with(&key_file(7))));
    unlock(&bed, key_file(8)).unwrap();
    let error = unlock(&bed, key_file(9)).unwrap_err();
    assert!(matches!(error, RepoError::WrongKey { slots: 1, .. }), "{error}");
    assert!(matches!(remove(&bed.repository, &id), Err(RepoError::LastSlot)));
}

#[test]
fn without_a_readable_slot_the_reasons_are_told() {
    let bed = Bed::new();
    let key = only_slot(&bed);
    bed.damage(&key, |bytes| bytes[20] ^= 1);
    let id = key.strip_prefix(KEYS_PREFIX).unwrap();
    let error = unlock(&bed, key_file(7)).unwrap_err();
    assert!(matches!(&error, RepoError::NoKeySlot { reason, .. } if reason.contains(id)), "{error}");
    bed.remove(&key);
    let error = unlock(&bed, key_file(7)).unwrap_err();
    assert!(matches!(&error, RepoError::NoKeySlot { reason, .. } if reason == "none was found"), "{error}");
}

#[test]
fn truncated_slots_are_refused_under_every_name() {
    let bed = Bed::new();
    let key = only_slot(&bed);
    let object = bed.get(&key);
    for length in 0..object.len() {
        bed.keys_under(KEYS_PREFIX).iter().for_each(|key| bed.remove(key));
        plant(&bed, &object[..length]);
        bed.set(&key, object[..length].to_vec());
        let error = unlock(&bed, key_file(7)).unwrap_err();
        assert!(!matches!(error, RepoError::Object { .. }), "{length}: {error}");
        assert!(list(&bed.repository).unwrap().iter().all(|slot| !slot.opens_with(&key_file(7))));
    }
}

#[test]
fn a_slot_that_is_no_slot_in_size_is_not_fetched() {
    let bed = Bed::new();
    let large = format!("{KEYS_PREFIX}{}", "0".repeat(32));
    bed.set(&large, vec![0; SLOT_BYTES_MAX as usize + 1]);
    let slots = list(&bed.repository).unwrap();
    assert!(matches!(slots[0].info, Err(FormatError::OutOfBounds { .. })));
    unlock(&bed, key_file(7)).unwrap();
}

#[test]
fn slots_of_other_repositories_do_not_open_this_one() {
    let (bed, other) = (Bed::new(), Bed::seeded(2));
    plant(&bed, &other.get(&only_slot(&other)));
    assert_eq!(unlock(&bed, key_file(7)).unwrap().id(), RepositoryId([1; 16]));
    bed.remove(&slot_key(&bed.get(&only_slot(&Bed::new()))));
    let error = unlock(&bed, key_file(7)).unwrap_err();
    assert!(matches!(&error, RepoError::NoKeySlot { reason, .. } if reason.contains("another")), "{error}");
}

#[test]
fn hostile_costs_are_refused_before_they_are_paid() {
    let bed = Bed::new();
    let password = Credential::Password(Zeroizing::new(b"password".to_vec()));
    let floor = PasswordCost::FLOOR;
    let salt = bed.repository.environment().salt();
    let slot = seal_slot(bed.repository.keys(), &password, floor, "", 0, &salt).unwrap();
    // Memory is a CBOR integer of four bytes: too much, too little.
    let memory = floor.memory_kib.to_be_bytes();
    let position = slot.windows(5).position(|bytes| bytes[0] == 0x1a && bytes[1..] == memory).unwrap() + 1;
    for kib in [u32::MAX, PasswordCost::CEILING.memory_kib + 1, floor.memory_kib - 1, 65_536 - 1] {
        let mut hostile = slot.clone();
        hostile[position..position + 4].copy_from_slice(&kib.to_be_bytes());
        plant(&bed, &hostile);
    }
    let slots = list(&bed.repository).unwrap();
    let refused = slots.iter().filter(|slot| matches!(slot.info, Err(FormatError::OutOfBounds { .. })));
    assert_eq!(refused.count(), slots.len() - 1);
    let error = unlock(&bed, password.clone()).unwrap_err();
    assert!(matches!(error, RepoError::WrongKey { slots: 0, .. }), "{error}");
    unlock(&bed, key_file(7)).unwrap();
    let cheap = PasswordCost { passes: 1, ..floor };
    assert!(add(&bed.repository, &password, cheap, "").is_err(), "nor is such a slot written");
}

#[test]
fn a_change_of_the_key_removes_all_slots_of_the_old_one() {
    let bed = Bed::new();
    let (first, second) = (only_slot(&bed), add_file(&bed, 7));
    add_file(&bed, 9);
    let changed = change(&bed.repository, &key_file(7), &key_file(8)).unwrap();
    let mut removed: Vec<String> = changed.removed.iter().map(|id| format!("{KEYS_PREFIX}{id}")).collect();
    let mut expected = vec![first, format!("{KEYS_PREFIX}{second}")];
    removed.sort();
    expected.sort();
    assert_eq!(removed, expected);
    assert!(matches!(unlock(&bed, key_file(7)), Err(RepoError::WrongKey { .. })));
    for byte in [8, 9] {
        unlock(&bed, key_file(byte)).unwrap();
    }
}

#[test]
fn a_change_of_the_key_is_not_silent_about_an_old_slot_that_it_cannot_read() {
    let bed = Bed::new();
    let plan = FaultPlan::new(1).rule(Some(Method::Get), KEYS_PREFIX, FaultWhen::Match(1), Fault::FlipBit);
    let (faulty, _) = bed.faulty(plan);
    let result = change(&faulty, &key_file(7), &key_file(8));
    assert!(matches!(result, Err(RepoError::NoKeySlot { .. })), "{result:?}");
    assert_eq!(bed.keys_under(KEYS_PREFIX).len(), 1, "nothing was changed");
    // One of two slots is missed at first, and found in the end.
    add_file(&bed, 7);
    let plan = FaultPlan::new(1).rule(Some(Method::Get), KEYS_PREFIX, FaultWhen::Match(1), Fault::FlipBit);
    let (faulty, _) = bed.faulty(plan);
    let result = change(&faulty, &key_file(7), &key_file(8));
    assert!(matches!(result, Err(RepoError::SlotLeft { .. })), "{result:?}");
}

#[test]
fn a_change_of_the_key_can_be_undone_half_way() {
    let bed = Bed::new();
    add_file(&bed, 9);
    let before = bed.keys_under(KEYS_PREFIX);
    let (old, new) = (key_file(7), key_file(8));
    let started = begin_change(&bed.repository, &old, &new, PasswordCost::FLOOR).unwrap();
    for byte in [7, 8, 9] {
        unlock(&bed, key_file(byte)).unwrap();
    }
    started.undo().unwrap();
    assert_eq!(bed.keys_under(KEYS_PREFIX), before);
    unlock(&bed, key_file(7)).unwrap();
    assert!(matches!(unlock(&bed, key_file(8)), Err(RepoError::WrongKey { .. })));
}

#[test]
fn a_repository_knows_which_slot_opened_it() {
    let bed = Bed::new();
    let first = only_slot(&bed);
    let second = add_file(&bed, 8);
    assert_eq!(format!("{KEYS_PREFIX}{}", bed.repository.slot()), first);
    assert_eq!(format!("{KEYS_PREFIX}{}", unlock(&bed, key_file(7)).unwrap().slot()), first);
    assert_eq!(unlock(&bed, key_file(8)).unwrap().slot(), second);
}
