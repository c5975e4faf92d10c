//! The judge is silent on a good repository, and complains if any object is missing, damaged or another one.

use std::collections::BTreeMap;

use bytes::Bytes;
use icecore_format::snapshot::{DedupScope, SnapshotState};

use super::bed::{Bed, Files, SECRET};
use crate::judge::{Expected, judge};

const OLD: Files<'_> = &[("a", 1), ("b", 2), ("c", 100), ("d", 3), ("e-f", 4), ("e-g", 5)];
const NEW: Files<'_> = &[("a", 1), ("b", 6), ("c", 101), ("e-f", 4)];

type Objects = BTreeMap<String, Bytes>;

/// Two snapshots that share content, and one that only uses its own group; each was named in the log.
fn good() -> (Bed, Vec<Expected>) {
    let bed = Bed::new();
    let expected = vec![
        bed.snapshot(OLD, DedupScope::Repository),
        bed.snapshot(NEW, DedupScope::Repository),
        bed.snapshot(OLD, DedupScope::Group),
    ];
    (bed, expected)
}

/// Asserts that the judge says exactly this about a repository.
#[track_caller]
fn assert_judged(objects: &Objects, expected: &[Expected], violations: &[&str]) {
    assert_eq!(judge(objects, &SECRET, expected), violations);
}

fn hexadecimal(run: [u8; 16]) -> String {
    icecore_format::ids::RunId(run).to_string()
}

#[test]
fn a_good_repository_has_no_violation() {
    let (bed, expected) = good();
    assert_judged(&bed.objects(), &expected, &[]);
    assert_judged(&bed.objects(), &[], &[]);
}

#[test]
fn every_missing_object_is_missed() {
    let (bed, expected) = good();
    let objects = bed.objects();
    let mut unnoticed = Vec::new();
    for lost in objects.keys() {
        let mut objects = objects.clone();
        objects.remove(lost);
        if judge(&objects, &SECRET, &expected).is_empty() {
            unnoticed.push(lost.as_str());
        }
    }
    // Nothing refers to the last record of the log.
    assert_eq!(unnoticed, ["meta/log/05050505050505050505050505050505/000003"]);
}

#[test]
fn every_damaged_object_is_noticed() {
    let (bed, expected) = good();
    let objects = bed.objects();
    for (key, object) in &objects {
        for place in [9, object.len() / 2, object.len() - 1] {
            let mut bytes = object.to_vec();
            bytes[place] ^= 1;
            let mut objects = objects.clone();
            objects.insert(key.clone(), bytes.into());
            assert!(!judge(&objects, &SECRET, &expected).is_empty(), "{key}, byte {place}");
        }
        let mut objects = objects.clone();
        objects.insert(key.clone(), object.slice(..object.len() - 1));
        assert!(!judge(&objects, &SECRET, &expected).is_empty(), "{key}, cut off");
    }
}

#[test]
fn every_object_below_the_key_of_another_one_is_noticed() {
    let (bed, expected) = good();
    let objects = bed.objects();
    for (key, one) in &objects {
        for (other_key, other) in objects.iter().filter(|(other_key, _)| *other_key != key) {
            let mut objects = objects.clone();
            objects.insert(key.clone(), other.clone());
            objects.insert(other_key.clone(), one.clone());
            assert!(!judge(&objects, &SECRET, &expected).is_empty(), "{key} and {other_key}");
        }
    }
}

#[test]
fn an_object_with_an_unknown_key_or_the_name_of_another_is_noticed() {
    let (bed, expected) = good();
    let mut objects = bed.objects();
    objects.insert("meta/other/x".into(), Bytes::new());
    objects.insert("probe/x".into(), Bytes::new());
    objects.insert("+tmp/x".into(), Bytes::new());
    assert_judged(&objects, &expected, &["meta/other/x: no object has such a key"]);

    let mut objects = bed.objects();
    let (key, pack) = objects.iter().find(|(key, _)| key.starts_with("data/")).unwrap();
    let (name, pack) = (key.rsplit_once('/').unwrap().1.to_owned(), pack.clone());
    let other = format!("data/{}/{name}", "f".repeat(32));
    objects.insert(other.clone(), pack);
    let violations = judge(&objects, &SECRET, &expected);
    assert!(violations.contains(&format!("{other}: two packs have this name")), "{violations:?}");
}

#[test]
fn a_pack_without_directory_and_a_directory_without_pack_are_told_apart() {
    let bed = Bed::new();
    let expected = [bed.snapshot(OLD, DedupScope::Repository)];
    let run = hexadecimal(expected[0].run);
    let name = format!("{run}-000000");
    let mut objects = bed.objects();
    objects.remove(&format!("meta/packs/{name}")).unwrap();
    let violations = judge(&objects, &SECRET, &expected);
    assert_eq!(violations[0], format!("pack {name}: it has no directory, and its run stored all"));
    let text = format!("pack {name} has it, but no valid directory");
    assert!(violations[1..].iter().any(|violation| violation.ends_with(&text)), "{violations:?}");

    let mut objects = bed.objects();
    objects.remove(&format!("data/{run}/{name}")).unwrap();
    let violations = judge(&objects, &SECRET, &expected);
    assert_eq!(violations[0], format!("meta/packs/{name}: the directory has no pack"));
    assert!(violations[1].contains(&format!("in pack {name}, which is missing")), "{violations:?}");
}

#[test]
fn a_pack_of_a_run_that_nobody_knows_is_noticed() {
    let bed = Bed::new();
    let run = hexadecimal(bed.unnamed_snapshot(OLD, DedupScope::Repository).run);
    let mut objects = bed.objects();
    objects.remove(&format!("meta/snapshots/{run}")).unwrap();
    let text =
        |number| format!("pack {run}-{number:06}: its run has no snapshot object, and no record names it");
    assert_judged(&objects, &[], &[&text(0), &text(1)]);
}

#[test]
fn other_content_than_expected_is_noticed() {
    let (bed, mut expected) = good();
    expected[0].files.insert(b"a".to_vec(), b"other".to_vec());
    expected[1].files.remove(&b"b"[..]);
    expected[2].files.insert(b"z".to_vec(), Vec::new());
    let [one, two, three] = [0, 1, 2].map(|index| hexadecimal(expected[index].run));
    assert_judged(
        &bed.objects(),
        &expected,
        &[
            &format!("snapshot {one}: the file 'a' has another content"),
            &format!("snapshot {two}: the file 'b' is not expected"),
            &format!("snapshot {three}: the file 'z' is missing"),
        ],
    );
}

#[test]
fn a_snapshot_must_be_in_the_state_that_the_log_says() {
    let (bed, mut expected) = good();
    let run = expected.remove(1).run;
    let (name, objects) = (hexadecimal(run), bed.objects());
    let with = |object: Bytes| {
        let mut objects = objects.clone();
        objects.insert(format!("meta/snapshots/{name}"), object).unwrap();
        objects
    };
    let aborted = bed.changed_snapshot(run, |snapshot| {
        snapshot.state = SnapshotState::Aborted { reason: String::new() };
    });
    let text = format!("the log names the snapshot {name} as completed, and it is Aborted");
    assert_judged(&with(aborted), &expected, &[&text]);
    let other = bed.changed_snapshot(run, |snapshot| snapshot.origin.host = "elsewhere".into());
    let text = format!("the log names the snapshot {name} with another content");
    assert_judged(&with(other), &expected, &[&text]);
    // A snapshot that was forgotten is not lost.
    bed.forget(run);
    assert_judged(&bed.objects(), &expected, &[]);
    expected.push(Expected { run, files: BTreeMap::new() });
    let text = format!("snapshot {name}: it is expected to be complete, and it is Deleted");
    assert_judged(&bed.objects(), &expected, &[&text]);
}

#[test]
fn a_snapshot_may_only_lack_a_name_until_a_later_one_has_one() {
    let bed = Bed::new();
    let expected = [OLD, NEW].map(|files| bed.unnamed_snapshot(files, DedupScope::Repository));
    assert_judged(&bed.objects(), &expected, &[]);
    bed.name_in_log(expected[1].run);
    let name = hexadecimal(expected[0].run);
    let text = format!("no log record names the snapshot {name}, but one names a later one");
    assert_judged(&bed.objects(), &expected, &[&text]);
    bed.name_in_log(expected[0].run);
    assert_judged(&bed.objects(), &expected, &[]);
}

#[test]
fn a_snapshot_of_a_group_may_not_use_the_packs_of_another() {
    let (bed, expected) = good();
    let run = expected[1].run;
    let object = bed.changed_snapshot(run, |snapshot| snapshot.origin.dedup = DedupScope::Group);
    let mut objects = bed.objects();
    objects.insert(format!("meta/snapshots/{}", hexadecimal(run)), object);
    let violations = judge(&objects, &SECRET, &expected);
    let text = format!("which belongs to another group than {}", hexadecimal(run));
    assert!(violations.iter().any(|violation| violation.contains(&text)), "{violations:?}");
    // That it stays readable for snapshots of the repository is no excuse.
    assert!(violations.iter().all(|violation| violation.contains(&hexadecimal(run))), "{violations:?}");
}
