use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use icecore_fixtures::snapshots::snapshot;
use icecore_format::{ids::RepositoryId, snapshot::SnapshotState};
use icecore_repo::{error::RepoError, snapshots::SnapshotList};
use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;

use super::{
    Moment, Reference, ReferenceError, ResolveError, SnapshotChoice, parse, parse_without_path, resolve,
};

fn reference(source: Option<&str>, snapshot: SnapshotChoice, path: &[u8]) -> Reference {
    Reference { source: source.map(str::to_owned), snapshot, path: path.to_vec() }
}

fn day(text: &str) -> SnapshotChoice {
    SnapshotChoice::At(Moment::Day(text.parse().unwrap()))
}

fn local(text: &str) -> SnapshotChoice {
    SnapshotChoice::At(Moment::Local(text.parse().unwrap()))
}

fn absolute(text: &str) -> SnapshotChoice {
    SnapshotChoice::At(Moment::Absolute(text.parse().unwrap()))
}

#[test]
fn references_are_understood() {
    let id = |digits: &str| SnapshotChoice::Id(digits.to_owned());
    let latest = SnapshotChoice::Latest;
    let cases: &[(&[u8], Reference)] = &[
        (b"home@latest:alice/report.txt", reference(Some("home"), latest(0), b"alice/report.txt")),
        (b"etc@2026-11-01", reference(Some("etc"), day("2026-11-01"), b"")),
        (b"3f9a2c", reference(None, id("3f9a2c"), b"")),
        (b"3F9A2C:a", reference(None, id("3f9a2c"), b"a")),
        (b"latest", reference(None, latest(0), b"")),
        (b"latest~3:x", reference(None, latest(3), b"x")),
        (b"latest:", reference(None, latest(0), b"")),
        (b"latest:/", reference(None, latest(0), b"")),
        (b"latest:/a//b/./c/", reference(None, latest(0), b"a/b/c")),
        (b"latest:user@host:x", reference(None, latest(0), b"user@host:x")),
        (b"a@latest:b@c", reference(Some("a"), latest(0), b"b@c")),
        (b"latest:caf\xe9", reference(None, latest(0), b"caf\xe9")),
        (b"2026-11-01:a", reference(None, day("2026-11-01"), b"a")),
        (b"2026-11-01T12:30", reference(None, local("2026-11-01T12:30"), b"")),
        (b"2026-11-01 12:30:a", reference(None, local("2026-11-01T12:30"), b"a")),
        (b"2026-11-01T12:30:45", reference(None, local("2026-11-01T12:30:45"), b"")),
        (b"2026-11-01T12:30:45.5:a:b", reference(None, local("2026-11-01T12:30:45.5"), b"a:b")),
        (b"2026-11-01T12:30:45Z:a", reference(None, absolute("2026-11-01T12:30:45Z"), b"a")),
        (b"x@2026-11-01T12:30:45+01:00", reference(Some("x"), absolute("2026-11-01T11:30:45Z"), b"")),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(OsStr::from_bytes(text)).as_ref(), Ok(expected), "{}", text.escape_ascii());
    }
}

#[test]
fn what_is_no_reference_is_refused() {
    let snapshot = |text: &str| ReferenceError::Snapshot(text.to_owned());
    let cases = [
        ("", ReferenceError::NoSnapshot),
        (":a", ReferenceError::NoSnapshot),
        ("home@", ReferenceError::NoSnapshot),
        ("@latest", ReferenceError::Source),
        ("newest", snapshot("newest")),
        ("latest~", snapshot("latest~")),
        ("latest~-1", snapshot("latest~-1")),
        ("latest~99999999999999999999999", snapshot("latest~99999999999999999999999")),
        ("latests", snapshot("latests")),
        ("2026-13-01", snapshot("2026-13-01")),
        ("2026-11-01T25:00", snapshot("2026-11-01T25:00")),
        ("3f9a2c3f9a2c3f9a2c3f9", snapshot("3f9a2c3f9a2c3f9a2c3f9")),
        ("latest:../a", ReferenceError::Parent("../a".to_owned())),
        ("latest:a/../../b", ReferenceError::Parent("a/../../b".to_owned())),
    ];
    for (text, error) in cases {
        assert_eq!(parse(OsStr::new(text)), Err(error), "{text}");
    }
    for (text, snapshot) in [
        ("latest:a", "latest"),
        ("a@latest~1:b:c", "a@latest~1"),
        ("a@2026-11-01 18:30:b", "a@2026-11-01 18:30"),
    ] {
        let error = ReferenceError::WithPath { snapshot: snapshot.to_owned() };
        assert_eq!(parse_without_path(OsStr::new(text)), Err(error), "{text}");
    }
    assert!(parse_without_path(OsStr::new("a@latest~1")).is_ok());
}

/// Midnight of 2026-11-20 UTC.
const MIDNIGHT: i64 = 1_795_132_800;
const HOUR: i64 = 3600;

fn home() -> SnapshotList {
    let snapshots = vec![
        snapshot("home", "here", 0x11, MIDNIGHT - HOUR, true),
        snapshot("home", "here", 0x1f, MIDNIGHT + HOUR, true),
        snapshot("home", "here", 0x2f, MIDNIGHT + 30 * HOUR, true),
        snapshot("home", "here", 0x3f, MIDNIGHT + 40 * HOUR, false),
    ];
    SnapshotList::of(snapshots)
}

/// Class of an error.
#[derive(Debug, PartialEq)]
enum Class {
    Unreadable,
    Unclear,
    Other,
}

impl Class {
    fn of(error: &ResolveError) -> Self {
        match error {
            ResolveError::Unreadable { .. } => Self::Unreadable,
            ResolveError::SeveralSources { .. } | ResolveError::SeveralHosts { .. } => Self::Unclear,
            _ => Self::Other,
        }
    }
}

fn id_of(list: &SnapshotList, text: &str, zone: &TimeZone) -> Result<u8, (Class, String)> {
    let reference = parse(OsStr::new(text)).unwrap();
    match resolve(list, &reference, "here", zone) {
        Ok(snapshot) => Ok(snapshot.origin.run.0[15]),
        Err(error) => Err((Class::of(&error), error.to_string())),
    }
}

#[test]
fn the_right_snapshot_is_found() {
    let list = home();
    let east = TimeZone::fixed(Offset::constant(2));
    let cases = [
        ("latest", 0x2f),
        ("home@latest~1", 0x1f),
        ("latest~2", 0x11),
        ("2f", 0x2f),
        ("2f2f2f2f2f2f2f2f2f2f", 0x2f),
        ("home@1f", 0x1f),
        ("2026-11-20", 0x1f),
        ("2026-11-19", 0x11),
        ("2026-12-31", 0x2f),
        // The listing shows whole seconds: a time that was copied from there means that snapshot.
        ("2026-11-20T01:00:00", 0x1f),
        ("2026-11-20T00:59:59", 0x11),
        ("2026-11-20T02:00:00+01:00", 0x1f),
        ("2026-11-20T01:00:00.4Z", 0x11),
    ];
    for (text, id) in cases {
        assert_eq!(id_of(&list, text, &TimeZone::UTC), Ok(id), "{text}");
    }
    // In a zone two hours east, the first snapshot was also made on the 20th.
    assert_eq!(id_of(&list, "2026-11-20T01:30", &east), Ok(0x11));
    assert!(id_of(&list, "2026-11-19", &east).is_err());
}

/// A source whose second snapshot was made with a clock that was years ahead, or far behind.
fn with_wrong_clock(seconds: i64) -> SnapshotList {
    let make = |sequence, id, seconds| {
        let mut snapshot = snapshot("home", "here", id, seconds, true);
        snapshot.origin.sequence = sequence;
        snapshot
    };
    SnapshotList::of(vec![
        make(1, 0x11, MIDNIGHT),
        make(2, 0x9f, seconds),
        make(3, 0x2f, MIDNIGHT + 48 * HOUR),
        make(4, 0x3f, MIDNIGHT + 96 * HOUR),
    ])
}

#[test]
fn references_follow_the_order_and_not_a_wrong_clock() {
    for wrong in [MIDNIGHT + 50_000 * HOUR, 0] {
        let list = with_wrong_clock(wrong);
        let cases = [
            ("latest", 0x3f),
            ("latest~1", 0x2f),
            ("latest~2", 0x9f),
            ("latest~3", 0x11),
            ("9f", 0x9f),
            ("2040-01-01", 0x3f),
            ("2026-11-24", 0x3f),
            ("2026-11-22", 0x2f),
            // It was made before the 22nd, but perhaps after the 21st.
            ("2026-11-21", 0x11),
        ];
        for (text, id) in cases {
            assert_eq!(id_of(&list, text, &TimeZone::UTC), Ok(id), "{text}, {wrong}");
        }
        assert!(id_of(&list, "2026-11-19", &TimeZone::UTC).is_err());
    }
}

#[test]
fn what_is_not_there_or_ambiguous_is_explained() {
    let list = home();
    let message = |text: &str| id_of(&list, text, &TimeZone::UTC).unwrap_err();
    assert!(
        message("1")
            .1
            .contains("2 snapshots have an id that begins with 1:\n  11111111111111111111  2026-11-19")
    );
    assert!(message("3f").1.contains("has not finished"));
    assert!(message("latest~3").1.contains("there are only 3 snapshots"));
    assert!(message("etc@latest").1.contains("no snapshot of the source \"etc\""));
    assert!(
        message("2026-11-18")
            .1
            .contains("the oldest snapshot of the source \"home\" is from 2026-11-19 23:00:00")
    );
    let empty = SnapshotList::default();
    assert!(id_of(&empty, "latest", &TimeZone::UTC).unwrap_err().1.contains("no snapshots"));
}

#[test]
fn what_is_not_found_among_snapshots_that_cannot_be_read_is_damage() {
    let key = "meta/snapshots/5f5f".to_owned();
    let damaged = || vec![(key.clone(), RepoError::Interrupted)];
    let only = SnapshotList { damaged: damaged(), ..SnapshotList::default() };
    let others = SnapshotList { damaged: damaged(), ..home() };
    for (list, text) in [
        (&only, "latest"),
        (&only, "2026-11-20"),
        (&only, "5f"),
        (&others, "etc@latest"),
        (&others, "latest~3"),
        (&others, "2026-11-18"),
        (&others, "5f"),
    ] {
        let (status, message) = id_of(list, text, &TimeZone::UTC).unwrap_err();
        assert_eq!(status, Class::Unreadable, "{text}");
        assert!(message.contains(&key), "{text}: {message}");
    }
    // Existing snapshots are found anyway.
    assert_eq!(id_of(&others, "latest", &TimeZone::UTC), Ok(0x2f));
    assert_eq!(id_of(&others, "1", &TimeZone::UTC).unwrap_err().0, Class::Other);
}

#[test]
fn a_source_must_be_named_where_there_are_several() {
    let mut list = home();
    list.snapshots.push(snapshot("etc", "here", 0x4f, MIDNIGHT, true));
    let (status, message) = id_of(&list, "latest", &TimeZone::UTC).unwrap_err();
    assert_eq!(status, Class::Unclear);
    assert!(message.ends_with("several sources: etc, home"));
    assert_eq!(id_of(&list, "etc@latest", &TimeZone::UTC), Ok(0x4f));
    assert_eq!(id_of(&list, "4", &TimeZone::UTC), Ok(0x4f));
}

#[test]
fn this_hosts_source_comes_before_others_of_the_same_name() {
    let mut list = home();
    list.snapshots.push(snapshot("home", "there", 0x5f, MIDNIGHT + 50 * HOUR, true));
    assert_eq!(id_of(&list, "home@latest", &TimeZone::UTC), Ok(0x2f));
    assert_eq!(id_of(&list, "there/home@latest", &TimeZone::UTC), Ok(0x5f));
    // A source may have a slash in its own name.
    list.snapshots.push(snapshot("a/b", "there", 0x6f, MIDNIGHT, true));
    assert_eq!(id_of(&list, "a/b@latest", &TimeZone::UTC), Ok(0x6f));
    assert_eq!(id_of(&list, "there/a/b@latest", &TimeZone::UTC), Ok(0x6f));
    let reference = parse(OsStr::new("home@latest")).unwrap();
    let failure = resolve(&list, &reference, "elsewhere", &TimeZone::UTC).unwrap_err();
    assert!(failure.to_string().ends_with("several hosts have a source \"home\": here/home, there/home"));
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes: Vec<u8>) {
        parse(&OsString::from_vec(bytes)).ok();
    }

    #[test]
    fn parsing_of_what_looks_like_a_reference_never_panics(text in "[a-z/]{0,3}@?(latest~?[0-9]{0,3}|[0-9a-f]{1,22}|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{0,12})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?):?[a-z./]{0,6}") {
        if let Ok(reference) = parse(OsStr::new(&text)) {
            resolve(&home(), &reference, "here", &TimeZone::UTC).ok();
            prop_assert!(icecore_format::path::validate(&reference.path).is_ok());
        }
    }
}

#[test]
fn a_snapshot_that_was_brought_back_is_found_under_both_ids() {
    let mut list = home();
    let old = list.snapshots[0].clone();
    let mut new = snapshot("home", "here", 0x4f, MIDNIGHT - HOUR, true);
    new.origin.copy_of = Some(old.origin.identity(RepositoryId([1; 16])));
    list.snapshots.push(new);
    // Its own id comes first.
    assert_eq!(id_of(&list, "1111", &TimeZone::UTC), Ok(0x11));
    let SnapshotState::Complete(completion) = old.state else { unreachable!() };
    list.snapshots[0].state = SnapshotState::Deleted(completion);
    for text in ["1111", "home@1111", "4f4f"] {
        assert_eq!(id_of(&list, text, &TimeZone::UTC), Ok(0x4f), "{text}");
    }
    assert!(id_of(&list, "etc@1111", &TimeZone::UTC).is_err());
}
