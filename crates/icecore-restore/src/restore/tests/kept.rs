//! Objects that a restore leaves in the target although the snapshot does not have them.

use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use icecore_format::{
    entry::{EntryKind, Marks},
    snapshot::{LeftOut, Snapshot, SnapshotState},
};

use crate::{
    KeptReason, RestoreAction, RestoreError, RestoreNotice, RestoreReport, RestoreRequest,
    fixture::{Fixture, Item, Recorder, TIME, Target, directory, file, item, texts},
};

fn marked(path: &str, marks: Marks) -> Item {
    directory(path).with(|entry| entry.marks = marks)
}

fn left_out(mut snapshot: Snapshot, left_out: LeftOut) -> Snapshot {
    let SnapshotState::Complete(completion) = &mut snapshot.state else { panic!("not complete") };
    completion.left_out = Some(left_out);
    snapshot
}

fn patterns(snapshot: Snapshot, patterns: &[&str]) -> Snapshot {
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    left_out(snapshot, LeftOut { patterns, ..LeftOut::default() })
}

fn deleting(snapshot: Snapshot, target: &Target) -> RestoreRequest {
    RestoreRequest { delete: true, ..RestoreRequest::new(snapshot, target.root()) }
}

fn kept(report: &RestoreReport) -> Vec<(KeptReason, u64, Vec<String>)> {
    let text = |path: &Vec<u8>| String::from_utf8(path.clone()).unwrap();
    let examples = |examples: &[Vec<u8>]| {
        let mut examples: Vec<String> = examples.iter().map(text).collect();
        examples.sort();
        examples
    };
    report.kept.iter().map(|kept| (kept.reason, kept.count, examples(&kept.examples))).collect()
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

/// Restores with a dry run first, which must report the same; returns the report and the deletions.
#[track_caller]
fn restore(fixture: &Fixture, request: &RestoreRequest) -> (RestoreReport, Vec<String>) {
    let run = |dry_run| {
        let recorder = Recorder::default();
        let request = RestoreRequest { dry_run, ..request.clone() };
        let report = fixture.try_restore(&request, &recorder).unwrap();
        let deleted = recorder.sorted().into_iter().filter(|(action, _)| *action == RestoreAction::Delete);
        (report, deleted.map(|(_, path)| path).collect::<Vec<_>>())
    };
    let (planned, planned_deletions) = run(true);
    let (report, deletions) = run(false);
    assert_eq!(planned_deletions, deletions);
    assert_eq!(texts(&planned), texts(&report));
    assert_eq!(kept(&planned), kept(&report));
    let counts = |report: &RestoreReport| (report.counts.deleted, report.counts.deleted_entries);
    assert_eq!(counts(&planned), counts(&report));
    (report, deletions)
}

#[test]
fn nothing_is_deleted_where_the_backup_did_not_look() {
    let fixture = Fixture::new();
    let reasons = [
        (Marks::UNREADABLE, KeptReason::Unreadable),
        (Marks::NOT_ENTERED, KeptReason::NotEntered),
        (Marks::CACHE_LEFT_OUT, KeptReason::Cache),
    ];
    for (marks, reason) in reasons {
        let target = Target::new();
        for path in ["d/lost", "d/known/extra", "d/deep/x", "other/extra"] {
            target.write(path, "precious");
        }
        let snapshot = fixture.snapshot(vec![
            directory(""),
            marked("d", marks),
            directory("d/known"),
            file("d/known/file", "new"),
            directory("other"),
        ]);
        let mut request = deleting(snapshot, &target);
        let (report, deletions) = restore(&fixture, &request);
        assert_eq!(deletions, ["other/extra"]);
        assert_eq!(kept(&report), [(reason, 3, paths(&["d/deep", "d/known/extra", "d/lost"]))]);
        assert_eq!(target.read("d/known/file"), b"new", "what is known is restored");
        request.delete_excluded = true;
        let (report, _) = restore(&fixture, &request);
        assert_eq!(target.path("d/lost").exists(), reason != KeptReason::Cache);
        assert_eq!(report.kept.is_empty(), reason == KeptReason::Cache);
    }
}

#[test]
fn a_part_of_a_directory_that_could_not_be_listed_is_as_uncertain() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![
        directory(""),
        marked("d", Marks::UNREADABLE),
        directory("d/known"),
        directory("d/known/deep"),
    ]);
    for path in ["d/known", "d/known/deep"] {
        let target = Target::new();
        target.write("extra", "precious");
        let request = RestoreRequest { path: path.into(), ..deleting(snapshot.clone(), &target) };
        let (report, deletions) = restore(&fixture, &request);
        assert!(deletions.is_empty());
        assert_eq!(kept(&report).last(), Some(&(KeptReason::Unreadable, 1, paths(&["extra"]))));
    }
}

#[test]
fn names_that_could_not_be_examined_stay() {
    let fixture = Fixture::new();
    let target = Target::new();
    for path in ["file", "directory/below", "extra"] {
        target.write(path, "precious");
    }
    let name = |path: &str| {
        item(path, EntryKind::File).with(|entry| entry.marks = Marks::UNREADABLE.with(Marks::NAME_ONLY))
    };
    let snapshot = fixture.snapshot(vec![directory(""), name("directory"), name("file"), name("new")]);
    let (report, deletions) = restore(&fixture, &deleting(snapshot, &target));
    assert_eq!(deletions, ["extra"]);
    assert_eq!(report.problem_count, 3);
    assert_eq!(target.list(), ["directory", "directory/below", "file"]);
}

#[test]
fn what_patterns_excluded_stays_with_its_directories() {
    let fixture = Fixture::new();
    let items = || vec![directory(""), directory("sub"), directory("sub/etc"), file("sub/etc/c", "c")];
    for (path, prefix) in [("", "sub/"), ("sub", ""), ("sub/etc", "")] {
        let snapshot = patterns(
            fixture.snapshot(items()),
            &["*.iso", "!keep.iso", "/sub/private.key", "cache/", "/sub/etc/here"],
        );
        let target = Target::new();
        let names = match path {
            "sub/etc" => vec!["a.iso", "here", "private.key", "keep.iso"],
            _ => vec![
                "etc/here",
                "film.iso",
                "gone/a",
                "gone/deep/b.iso",
                "gone/deep/c",
                "keep.iso",
                "private.key",
                "sub/private.key",
                "x/cache/below/file",
                "y/cache",
            ],
        };
        for name in &names {
            target.write(&format!("{prefix}{name}"), "precious");
        }
        let mut request = deleting(snapshot, &target);
        request.path = path.as_bytes().to_vec();
        let (report, deletions) = restore(&fixture, &request);
        let with_prefix =
            |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("{prefix}{name}")).collect() };
        let expected = match path {
            "sub/etc" => ["keep.iso", "private.key"].as_slice(),
            _ => ["gone/a", "gone/deep/c", "keep.iso", "sub", "y"].as_slice(),
        };
        assert_eq!(deletions, with_prefix(expected), "{path}");
        assert_eq!(report.kept.len(), 1);
        assert_eq!(report.kept[0].count, if path == "sub/etc" { 2 } else { 5 });
        assert_eq!(report.kept[0].reason, KeptReason::Excluded);
        request.delete_excluded = true;
        let (report, _) = restore(&fixture, &request);
        assert_eq!((report.kept.len(), report.counts.deleted > 1), (0, true));
        let list = target.list();
        assert!(
            list.iter().all(|name| ["sub", "sub/etc", "sub/etc/c", "etc", "etc/c", "c"].contains(&&**name))
        );
    }
}

#[test]
fn single_objects_that_the_backup_left_out_stay() {
    let fixture = Fixture::new();
    let target = Target::new();
    for path in ["backup/repository/data", "backup/other", "cache/x", "cached"] {
        target.write(path, "precious");
    }
    let snapshot = fixture.snapshot(vec![directory("")]);
    let paths_left = vec![b"backup/repository".to_vec(), b"cache".to_vec()];
    let snapshot = left_out(snapshot, LeftOut { paths: paths_left, ..LeftOut::default() });
    let (report, deletions) = restore(&fixture, &deleting(snapshot, &target));
    assert_eq!(deletions, ["backup/other", "cached"]);
    assert_eq!(kept(&report), [(KeptReason::LeftOut, 2, paths(&["backup/repository", "cache"]))]);
}

#[test]
fn nothing_is_deleted_if_the_record_is_not_complete_or_not_understood() {
    let fixture = Fixture::new();
    let unknown = [
        LeftOut { more: true, ..LeftOut::default() },
        LeftOut { patterns: vec!["[a".to_owned()], ..LeftOut::default() },
    ];
    for record in unknown {
        let target = Target::new();
        target.write("d/extra", "precious");
        let snapshot = left_out(fixture.snapshot(vec![directory("")]), record);
        let mut request = deleting(snapshot, &target);
        let (report, deletions) = restore(&fixture, &request);
        assert!(deletions.is_empty());
        assert_eq!(kept(&report), [(KeptReason::Unknown, 1, paths(&["d"]))]);
        request.delete_excluded = true;
        assert_eq!(restore(&fixture, &request).1, ["d"]);
    }
}

fn states(fixture: &Fixture, marks: Marks) -> (Snapshot, Snapshot) {
    let old = fixture.snapshot(vec![
        directory(""),
        directory("closed"),
        directory("closed/inner"),
        file("closed/inner/a", "a"),
        file("closed/secret", "s"),
        directory("gone"),
        file("gone/a", "a"),
        file("gone/film.iso", "i"),
        directory("left"),
        directory("left/out"),
        file("left/out/a", "a"),
        file("removed", "r"),
        file("removed.iso", "r"),
    ]);
    let new = fixture.snapshot(vec![directory(""), marked("closed", marks)]);
    (old, patterns(new, &["*.iso", "left/"]))
}

#[test]
fn between_two_snapshots_only_what_the_newer_one_knows_to_be_gone_is_deleted() {
    let fixture = Fixture::new();
    for marks in [Marks::UNREADABLE, Marks::NOT_ENTERED, Marks::CACHE_LEFT_OUT] {
        let (old, new) = states(&fixture, marks);
        let target = Target::new();
        fixture.restore(&RestoreRequest::new(old.clone(), target.root()));
        let request = RestoreRequest { since: Some(old), ..deleting(new, &target) };
        let (report, deletions) = restore(&fixture, &request);
        assert_eq!(deletions, ["gone/a", "removed"], "{marks:?}");
        assert_eq!(report.problem_count, u64::from(marks == Marks::UNREADABLE), "{:?}", texts(&report));
        for path in ["closed/inner/a", "closed/secret", "gone/film.iso", "left/out/a", "removed.iso"] {
            assert!(target.path(path).exists(), "{path}");
        }
        let excluded = report.kept.iter().find(|kept| kept.reason == KeptReason::Excluded).unwrap();
        assert_eq!(excluded.count, 3, "{excluded:?}");
        assert_eq!(report.kept.len(), 2);
    }
}

#[test]
fn a_removed_directory_stays_for_what_was_excluded_and_never_known() {
    let fixture = Fixture::new();
    let (old, new) = states(&fixture, Marks::default());
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(old.clone(), target.root()));
    fs::remove_file(target.path("gone/film.iso")).unwrap();
    target.write("gone/other.iso", "precious");
    let request = RestoreRequest { since: Some(old), ..deleting(new, &target) };
    let (report, deletions) = restore(&fixture, &request);
    assert_eq!(report.problem_count, 0, "{:?}", texts(&report));
    assert_eq!(deletions, ["closed/inner", "closed/inner/a", "closed/secret", "gone/a", "removed"]);
    assert!(target.path("gone/other.iso").exists());
}

#[test]
fn a_directory_in_place_of_a_removed_file_stays() {
    let fixture = Fixture::new();
    let old = fixture.snapshot(vec![directory(""), file("x", "x"), directory("d"), file("d/x", "x")]);
    let new = fixture.snapshot(vec![directory("")]);
    let target = Target::new();
    for path in ["x/own", "d/x/own"] {
        target.write(path, "precious");
    }
    let request = RestoreRequest { since: Some(old), ..deleting(new, &target) };
    let (report, deletions) = restore(&fixture, &request);
    assert!(deletions.is_empty());
    assert_eq!(report.problem_count, 3, "{:?}", texts(&report));
}

#[test]
fn a_directory_that_holds_what_must_stay_is_not_replaced() {
    let fixture = Fixture::new();
    let snapshot = patterns(fixture.snapshot(vec![directory(""), file("x", "a file now")]), &["*.iso"]);
    let target = Target::new();
    target.write("x/film.iso", "precious");
    target.write("x/other", "other");
    let mut request = deleting(snapshot, &target);
    let (report, deletions) = restore(&fixture, &request);
    assert!(deletions.is_empty() && report.problem_count == 1, "{:?}", texts(&report));
    assert_eq!(target.list(), ["x", "x/film.iso", "x/other"]);
    request.delete_excluded = true;
    let (report, _) = restore(&fixture, &request);
    assert_eq!((report.counts.replaced, report.counts.deleted, report.counts.deleted_entries), (1, 0, 3));
    assert_eq!(target.read("x"), b"a file now");
}

fn identity(path: &Path) -> (u64, u64) {
    let found = fs::metadata(path).unwrap();
    let device = found.dev();
    ((u64::from(rustix::fs::major(device)) << 32) | u64::from(rustix::fs::minor(device)), found.ino())
}

#[test]
fn protected_objects_are_neither_deleted_nor_overwritten() {
    let fixture = Fixture::new();
    let items = vec![
        directory(""),
        file("config", "old state"),
        directory("state"),
        file("state/remembered", "old state"),
        file("plain", "now a file"),
        directory("was-file"),
    ];
    let empty = fixture.snapshot(vec![directory("")]);
    let snapshot = fixture.snapshot(items);
    let target = Target::new();
    let own = ["config", "state", "plain/repository", "deep/down/key", "was-file"];
    for path in ["config", "state/remembered", "plain/repository/data", "deep/down/key", "was-file", "deep/x"]
    {
        target.write(path, "precious");
    }
    for (snapshot, expected) in [(&snapshot, ["deep/x"].as_slice()), (&empty, &[])] {
        let mut request = deleting(snapshot.clone(), &target);
        request.delete_excluded = true;
        request.protected = own.iter().map(|path| identity(&target.path(path))).collect();
        let (report, deletions) = restore(&fixture, &request);
        assert_eq!(deletions, expected);
        assert_eq!(kept(&report)[0].0, KeptReason::Own);
        for path in ["config", "state/remembered", "plain/repository/data", "deep/down/key", "was-file"] {
            assert_eq!(target.read(path), b"precious", "{path}");
        }
    }
}

#[test]
fn many_deletions_need_a_word() {
    let fixture = Fixture::new();
    let known: Vec<Item> = (0..100).map(|number| file(&format!("known{number}"), "x")).collect();
    let snapshot = fixture.snapshot([vec![directory("")], known].concat());
    let target = Target::new();
    for number in 0..1001 {
        target.write(&format!("extra/{number}"), "");
    }
    let mut request = deleting(snapshot, &target);
    let error = fixture.try_restore(&request, &Recorder::default()).unwrap_err();
    let found = matches!(error, RestoreError::ManyDeletions { deletions: 1002, entries: 1002, .. });
    assert!(found, "{error:?}");
    assert_eq!(target.list().len(), 1002, "nothing was changed");
    request.dry_run = true;
    let report = fixture.restore(&request);
    let notice = RestoreNotice::ManyDeletions { deletions: 1002, entries: 1002 };
    assert_eq!((report.counts.deleted, report.notices), (1, vec![notice]));
    // A thousand deletions need no confirmation, and neither does a small part of many objects.
    request.dry_run = false;
    fs::remove_file(target.path("extra/0")).unwrap();
    fs::remove_file(target.path("extra/1")).unwrap();
    let small = fixture.restore(&request);
    assert_eq!(small.counts.deleted_entries, 1000);
    for number in 0..1001 {
        target.write(&format!("extra/{number}"), "");
    }
    request.deletes_many = true;
    assert_eq!(fixture.restore(&request).counts.deleted_entries, 1002);
}

#[test]
fn many_deletions_that_are_a_small_part_need_no_word() {
    let fixture = Fixture::new();
    let known: Vec<Item> = (0..2500).map(|number| file(&format!("known{number}"), "")).collect();
    let snapshot = fixture.snapshot([vec![directory("")], known].concat());
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(snapshot.clone(), target.root()));
    for number in 0..1050 {
        target.write(&format!("extra-{number}"), "");
    }
    assert_eq!(fixture.restore(&deleting(snapshot, &target)).counts.deleted, 1050);
}

/// A mount that ends with the test.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(arguments: &[&str], to: &Path) -> Self {
        assert!(Command::new("mount").args(arguments).arg(to).status().unwrap().success());
        Self(to.to_owned())
    }

    fn bind(from: &Path, to: &Path) -> Self {
        Self::new(&["--bind", from.to_str().unwrap()], to)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(&self.0).status().unwrap().success());
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("SKIPPED: mounting needs root");
    }
    is_root
}

#[test]
fn deletions_do_not_reach_mount_points() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    let target = Target::new();
    let other = Target::new();
    for path in ["in/extra", "usb/x", "deep/down/bound/x", "old/gone", "single", "in/known"] {
        target.write(path, "below the mount");
    }
    other.write("precious", "1");
    other.write("d/precious", "2");
    let _mounts = [
        Mounted::new(&["-t", "tmpfs", "none"], &target.path("in")),
        Mounted::new(&["-t", "tmpfs", "none"], &target.path("usb")),
        Mounted::bind(&other.path("d"), &target.path("deep/down/bound")),
        Mounted::bind(&other.path("d"), &target.path("old")),
        Mounted::bind(&other.path("precious"), &target.path("single")),
    ];
    target.write("deep/beside", "");
    for path in ["in/precious", "usb/precious"] {
        target.write(path, "3");
    }
    let old = fixture.snapshot(vec![
        directory(""),
        directory("in"),
        file("in/precious", "3"),
        directory("old"),
        file("old/precious", "2"),
        file("single", "1"),
    ]);
    let new = fixture.snapshot(vec![directory(""), directory("in"), file("in/known", "new")]);
    for since in [None, Some(old)] {
        let request = RestoreRequest { since: since.clone(), ..deleting(new.clone(), &target) };
        let (report, deletions) = restore(&fixture, &request);
        assert_eq!(deletions, if since.is_some() { [].as_slice() } else { &["deep/beside"] });
        let mut expected = vec!["in/precious", "old", "single"];
        if since.is_none() {
            expected = vec!["deep/down/bound", "in/precious", "old", "single", "usb"];
        }
        let count = expected.len() as u64;
        assert_eq!(kept(&report), [(KeptReason::MountPoint, count, paths(&expected))]);
        for path in ["in/precious", "usb/precious", "deep/down/bound/precious", "old/precious", "single"] {
            assert!(target.path(path).exists(), "{path}");
        }
        assert_eq!(target.read("in/known"), b"new", "what the snapshot has is restored there");
    }
}

#[test]
fn a_mounted_object_in_the_way_is_a_problem_of_its_own() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    let target = Target::new();
    for path in ["file", "directory", "empty/x", "over"] {
        target.write(path, "outside");
    }
    let _mounts = [
        Mounted::bind(&target.path("over"), &target.path("file")),
        Mounted::bind(&target.path("over"), &target.path("directory")),
        Mounted::new(&["-t", "tmpfs", "none"], &target.path("empty")),
    ];
    let snapshot = fixture.snapshot(vec![
        directory(""),
        directory("directory"),
        file("empty", "a file"),
        file("file", "new content"),
        file("other", "restored"),
        file("over", "outside"),
    ]);
    let (report, _) = restore(&fixture, &deleting(snapshot, &target));
    assert_eq!(report.problem_count, 3, "{:?}", texts(&report));
    assert!(
        texts(&report).iter().all(|text| text.contains("something is mounted there")),
        "{:?}",
        texts(&report)
    );
    assert_eq!(target.read("other"), b"restored");
    assert_eq!(target.read("file"), b"outside");
}

#[test]
fn a_directory_that_was_not_entered_is_not_changed() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(vec![directory(""), marked("nfs", Marks::NOT_ENTERED)]);
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(snapshot.clone(), target.root()));
    let modified = || target.path("nfs").metadata().unwrap().mtime();
    assert_eq!(modified(), TIME.seconds, "a new one is as it was");
    target.write("nfs/.icecore-0123456789abcdef-7.part", "not of this restore");
    let before = modified();
    restore(&fixture, &deleting(snapshot, &target));
    assert_eq!(modified(), before);
    assert_eq!(target.list().len(), 2);
}
