//! Each kind of object, damaged in each way.

use icecore_format::{ids::RunId, layout};

use super::builder::{Repository, kinds, run, snapshot, usual};
use crate::{CheckReport, ProblemKind, Severity};

/// A way of damaging an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    Missing,
    Emptied,
    Truncated,
    Extended,
    FlippedFirst,
    FlippedMiddle,
    FlippedLast,
    /// Gets the content of another object of its kind.
    Swapped,
    /// Gets the content of the same kind of object of another repository.
    Transplanted,
    Foreign,
}

pub(super) const BLOWS: [Blow; 10] = [
    Blow::Missing,
    Blow::Emptied,
    Blow::Truncated,
    Blow::Extended,
    Blow::FlippedFirst,
    Blow::FlippedMiddle,
    Blow::FlippedLast,
    Blow::Swapped,
    Blow::Transplanted,
    Blow::Foreign,
];

pub(super) fn strike(repository: &Repository, key: &str, sibling: Option<&str>, blow: Blow) {
    let mut bytes = repository.get(key);
    let flip = |bytes: &mut Vec<u8>, at: usize| bytes[at] ^= 0x10;
    match blow {
        Blow::Missing => return repository.delete(key),
        Blow::Emptied => bytes.clear(),
        Blow::Truncated => bytes.truncate(bytes.len() / 2),
        Blow::Extended => bytes.extend_from_slice(b"more"),
        Blow::FlippedFirst => flip(&mut bytes, 0),
        Blow::FlippedMiddle => {
            let middle = bytes.len() / 2;
            flip(&mut bytes, middle);
        }
        Blow::FlippedLast => {
            let last = bytes.len() - 1;
            flip(&mut bytes, last);
        }
        Blow::Swapped => {
            let Some(sibling) = sibling else { return };
            let other = repository.get(sibling);
            repository.replace(sibling, std::mem::replace(&mut bytes, other));
        }
        Blow::Transplanted => {
            let other = other_repository();
            let (prefix, _) = key.rsplit_once('/').unwrap_or_default();
            let prefix = if key.starts_with("data/") { "data/" } else { prefix };
            let found = match prefix {
                "" => key.to_owned(),
                "data/" => other.keys_below("data/").remove(0),
                _ => other.keys_below(&format!("{prefix}/")).remove(0),
            };
            bytes = other.get(&found);
        }
        Blow::Foreign => bytes = b"this is not an object of a repository at all".repeat(40),
    }
    repository.replace(key, bytes);
}

fn other_repository() -> Repository {
    let mut other = Repository::with_master(9);
    other.add_snapshot(&super::builder::usual_spec(1));
    other
}

/// Damages the first object below `prefix` in every way and passes both reports, structure and data, to
/// `judge`.
fn for_each_blow(prefix: &str, judge: impl FnMut(Blow, &str, &CheckReport, &CheckReport)) {
    let usual = usual();
    let keys = if prefix == layout::HEADER_KEY { vec![prefix.to_owned()] } else { usual.keys_below(prefix) };
    strike_first_of(&usual, &keys, judge);
}

fn strike_first_of(
    usual: &Repository,
    keys: &[String],
    mut judge: impl FnMut(Blow, &str, &CheckReport, &CheckReport),
) {
    for blow in BLOWS {
        let repository = usual.fork();
        if blow == Blow::Swapped && keys.len() < 2 {
            continue;
        }
        strike(&repository, &keys[0], keys.get(1).map(String::as_str), blow);
        judge(blow, &keys[0], &repository.check(), &repository.check_data());
    }
}

fn has(report: &CheckReport, kind: ProblemKind, key: &str) -> bool {
    report.problems.iter().any(|problem| problem.kind == kind && problem.object.as_deref() == Some(key))
}

#[test]
fn header() {
    for_each_blow(layout::HEADER_KEY, |blow, key, structure, _| {
        let expected =
            if blow == Blow::Missing { ProblemKind::HeaderMissing } else { ProblemKind::HeaderDamaged };
        assert!(has(structure, expected, key), "{blow:?}: {:?}", structure.problems);
        assert!(!structure.is_healthy());
        assert!(structure.snapshots.iter().all(|snapshot| snapshot.restorable));
    });
}

#[test]
fn key_slot_while_another_is_intact() {
    for_each_blow(layout::KEYS_PREFIX, |blow, key, structure, _| {
        if blow == Blow::Missing {
            assert_eq!(structure.problems, []);
            return;
        }
        assert!(has(structure, ProblemKind::KeySlotDamaged, key), "{blow:?}: {:?}", structure.problems);
        // If two slots are swapped, neither is left under its own name.
        assert_eq!(structure.is_healthy(), blow != Blow::Swapped);
    });
}

#[test]
fn the_last_key_slot() {
    let repository = usual();
    let slots = repository.keys_below(layout::KEYS_PREFIX);
    strike(&repository, &slots[0], None, Blow::FlippedMiddle);
    repository.delete(&slots[1]);
    let report = repository.check();
    assert_eq!(kinds(&report), [ProblemKind::KeySlotDamaged, ProblemKind::KeySlotsLost]);
    assert!(!report.is_healthy());
}

#[test]
fn snapshot_object() {
    for_each_blow(layout::SNAPSHOTS_PREFIX, |blow, key, structure, data| {
        assert_eq!(structure.problems, data.problems);
        let struck = layout::parse_snapshot_key(key).expect("key");
        if blow == Blow::Missing {
            // Nothing else shows that there was a snapshot.
            assert_eq!(structure.problems, []);
            assert_eq!(structure.snapshots.len(), 1);
            return;
        }
        assert!(has(structure, ProblemKind::SnapshotDamaged, key), "{blow:?}: {:?}", structure.problems);
        assert!(!snapshot(structure, struck).restorable);
        assert_eq!(snapshot(structure, run(2)).restorable, blow != Blow::Swapped);
    });
}

#[test]
fn directory_of_a_data_pack() {
    for_each_blow(layout::PACKS_PREFIX, |blow, key, structure, data| {
        let needed = if blow == Blow::Missing {
            assert!(kinds(structure).contains(&ProblemKind::PackUnlisted));
            ProblemKind::ChunkMissing
        } else {
            assert!(has(structure, ProblemKind::DirectoryDamaged, key), "{blow:?}: {:?}", structure.problems);
            ProblemKind::ChunkMissing
        };
        assert!(kinds(structure).contains(&needed), "{blow:?}: {:?}", structure.problems);
        assert_eq!(structure.problems, data.problems);
        let hit = snapshot(structure, run(1));
        assert!(!hit.restorable && hit.files_damaged > 0);
        assert_eq!(hit.examples.first().map(Vec::as_slice), Some(&b"file-00"[..]));
        assert_eq!(hit.examples.len() as u64, hit.files_damaged.min(20));
    });
}

#[test]
fn directory_of_a_manifest_pack() {
    let usual = usual();
    let packs = usual.keys_below(layout::MANIFEST_PREFIX);
    let mut keys: Vec<_> =
        packs.iter().map(|key| key.replace(layout::MANIFEST_PREFIX, layout::PACKS_PREFIX)).collect();
    // The last pack of a manifest holds its root.
    keys.retain(|key| key.contains(&run(1).to_string()));
    keys.reverse();
    strike_first_of(&usual, &keys, |blow, key, structure, data| {
        if blow != Blow::Missing {
            assert!(has(structure, ProblemKind::DirectoryDamaged, key), "{blow:?}: {:?}", structure.problems);
        }
        assert!(kinds(structure).contains(&ProblemKind::NodeMissing), "{blow:?}: {:?}", structure.problems);
        assert_eq!(structure.problems, data.problems);
        let hit = snapshot(structure, run(1));
        assert_eq!((hit.restorable, hit.files_damaged, hit.examples.len()), (false, 31, 0));
    });
}

#[test]
fn data_pack() {
    for_each_blow(layout::DATA_PREFIX, |blow, key, structure, data| {
        let (in_structure, in_data): (Option<ProblemKind>, ProblemKind) = match blow {
            Blow::Missing => (Some(ProblemKind::PackMissing), ProblemKind::PackMissing),
            Blow::Emptied | Blow::Truncated => (Some(ProblemKind::PackSizeWrong), ProblemKind::BlocksDamaged),
            Blow::Extended => (Some(ProblemKind::PackSizeWrong), ProblemKind::DirectoryCopyWrong),
            // The first byte belongs to the header; blocks are found through the directory.
            Blow::FlippedFirst | Blow::Swapped => (None, ProblemKind::PackHeaderWrong),
            Blow::FlippedLast => (None, ProblemKind::DirectoryCopyWrong),
            Blow::FlippedMiddle | Blow::Transplanted | Blow::Foreign => (None, ProblemKind::BlocksDamaged),
        };
        if let Some(kind) = in_structure {
            assert!(has(structure, kind, key), "{blow:?}: {:?}", structure.problems);
            assert!(!snapshot(structure, run(1)).restorable);
        }
        assert!(has(data, in_data, key), "{blow:?}: {:?}", data.problems);
        assert!(!data.is_healthy());
        let verified = data.verified.iter().any(|name| key.ends_with(&name.to_string()));
        assert!(!verified && !data.verified.is_empty(), "{blow:?}: a damaged pack counts as verified");
        let whole = matches!(blow, Blow::Extended | Blow::FlippedFirst | Blow::FlippedLast);
        assert_eq!(snapshot(data, run(1)).restorable, whole, "{blow:?}");
        if !whole {
            let pack = &snapshot(data, run(1)).packs_damaged;
            assert!(pack.iter().any(|name| key.ends_with(&name.to_string())), "{blow:?}: {pack:?}");
        }
    });
}

#[test]
fn manifest_pack() {
    for_each_blow(layout::MANIFEST_PREFIX, |blow, key, structure, data| {
        let (in_structure, in_data): (Option<ProblemKind>, ProblemKind) = match blow {
            Blow::Missing => (Some(ProblemKind::PackMissing), ProblemKind::PackMissing),
            // If packs are swapped, the other one may hold the nodes on the way to those of this one.
            Blow::Emptied | Blow::Truncated | Blow::Swapped => {
                (Some(ProblemKind::PackSizeWrong), ProblemKind::BlocksDamaged)
            }
            Blow::Extended => (Some(ProblemKind::PackSizeWrong), ProblemKind::DirectoryCopyWrong),
            Blow::FlippedFirst => (None, ProblemKind::PackHeaderWrong),
            Blow::FlippedLast => (None, ProblemKind::DirectoryCopyWrong),
            _ => (Some(ProblemKind::BlocksDamaged), ProblemKind::BlocksDamaged),
        };
        if let Some(kind) = in_structure {
            assert!(has(structure, kind, key), "{blow:?}: {:?}", structure.problems);
        }
        assert!(has(data, in_data, key), "{blow:?}: {:?}", data.problems);
        let whole = matches!(blow, Blow::Extended | Blow::FlippedFirst | Blow::FlippedLast);
        assert_eq!(snapshot(structure, run(1)).restorable, whole, "{blow:?}: {:?}", structure.problems);
        assert_eq!(snapshot(data, run(1)).restorable, whole, "{blow:?}");
    });
}

/// Flips each of many bits of each object, one at a time: nothing panics, and reading all data finds each of
/// them.
#[test]
fn every_flipped_bit_is_found() {
    let usual = usual();
    let mut keys = usual.keys_below("");
    keys.retain(|key| !key.starts_with(layout::KEYS_PREFIX));
    for key in keys {
        let original = usual.get(&key);
        let step = (original.len() / 12).max(1);
        for at in (0..original.len()).step_by(step) {
            let repository = usual.fork();
            let mut bytes = original.clone();
            bytes[at] ^= 1 << (at % 8);
            repository.replace(&key, bytes);
            let report = repository.check_data();
            let named = report.problems.iter().any(|problem| problem.object.as_deref() == Some(key.as_str()));
            assert!(named && report.count(Severity::Damage) > 0, "byte {at} of {key}: {:?}", report.problems);
        }
    }
}

#[test]
fn padding_counts_as_damage_but_harms_no_snapshot() {
    let repository = usual();
    let found = repository.keys_below(layout::DATA_PREFIX).into_iter().find_map(|key| {
        let bytes = repository.get(&key);
        // The padding is in front of the directory copy; whether a pack has padding depends on its length.
        let trailer = bytes.len() - 12;
        let copy = u32::from_le_bytes(bytes[trailer..trailer + 4].try_into().expect("length")) as usize;
        let candidate = repository.fork();
        let mut damaged = bytes.clone();
        damaged[trailer - copy - 1] ^= 1;
        candidate.replace(&key, damaged);
        let report = candidate.check_data();
        (kinds(&report) == [ProblemKind::PackHashWrong]).then_some(report)
    });
    let report = found.expect("a pack with padding");
    assert!(!report.is_healthy());
    assert!(report.snapshots.iter().all(|snapshot| snapshot.restorable));
}

#[test]
fn only_files_with_chunks_in_a_damaged_block_are_hit() {
    let repository = usual();
    let key = repository.keys_below(layout::DATA_PREFIX).remove(0);
    let mut bytes = repository.get(&key);
    // The first block holds the first four chunks: those of file-00, file-01 and the beginning of file-02.
    bytes[200] ^= 1;
    repository.replace(&key, bytes);
    let report = repository.check_data();
    for number in [1, 2] {
        let hit = snapshot(&report, run(number));
        assert!(!hit.restorable);
        let names: Vec<_> =
            hit.examples.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        assert_eq!(names, ["file-00", "file-01", "file-02"], "{number}");
        assert_eq!(hit.files_damaged, 3);
        assert_eq!(hit.packs_damaged.len(), 1);
    }
    assert_eq!(kinds(&report), [ProblemKind::BlocksDamaged]);
    // Without reading data, nothing can be seen.
    assert_eq!(repository.check().problems, []);
}

#[test]
fn a_pack_in_the_wrong_place_is_named() {
    let repository = usual();
    let key = repository.keys_below(layout::DATA_PREFIX).remove(0);
    let (_, name) = key.rsplit_once('/').expect("key");
    repository.put(&format!("data/{}/{name}", RunId([7; 16])), repository.get(&key));
    let copied = repository.check();
    assert_eq!(kinds(&copied), [ProblemKind::ForeignObject]);
    assert!(copied.is_healthy());
    repository.delete(&key);
    let moved = repository.check();
    assert!(has(&moved, ProblemKind::PackMisplaced, &key), "{:?}", moved.problems);
    assert!(!snapshot(&moved, run(1)).restorable);
}

#[test]
fn losing_everything_is_survived() {
    for prefix in ["data/", "meta/manifest/", "meta/packs/", "meta/snapshots/", "meta/"] {
        let repository = usual();
        for key in repository.keys_below(prefix) {
            repository.delete(&key);
        }
        for report in [repository.check(), repository.check_data()] {
            assert!(report.snapshots.iter().all(|snapshot| !snapshot.restorable), "{prefix}");
            if prefix == "meta/manifest/" {
                assert_eq!(snapshot(&report, run(1)).files_damaged, 31);
            }
            if prefix == "data/" {
                assert_eq!(snapshot(&report, run(2)).files_damaged, 32);
                assert_eq!(snapshot(&report, run(2)).examples.len(), 20);
            }
        }
    }
}

#[test]
fn an_object_of_absurd_length_is_not_read() {
    let repository = usual();
    let slot = repository.keys_below(layout::KEYS_PREFIX).remove(0);
    repository.replace(&slot, vec![0; (1 << 20) + 1]);
    let report = repository.check();
    assert_eq!(kinds(&report), [ProblemKind::KeySlotDamaged]);
    assert!(report.bytes_read < 1 << 20);
}
