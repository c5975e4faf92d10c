//! Real trees, a store in memory, and the manifest read back entry by entry.

mod bed;
mod reading;
mod soundness;

use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    sync::atomic::Ordering,
    time::Duration,
};

use bed::{Bed, Seen};
use icecore_format::{
    entry::{EntryKind, Marks},
    snapshot::{DedupScope, Level},
};
use icecore_repo::error::RepoError;

use crate::{
    error::BackupError,
    events::{BackupNotice, SourceProblem},
    report::BackupReport,
    request::BackupSource,
};

#[test]
fn every_kind_of_entry_comes_back() {
    let bed = Bed::new();
    bed.write("a/file", b"content");
    bed.write("a/empty", b"");
    bed.write("a.b", b"after the content of a");
    symlink("nowhere", bed.path("link")).unwrap();
    fs::hard_link(bed.path("a/file"), bed.path("twin")).unwrap();
    fs::set_permissions(bed.path("a/file"), fs::Permissions::from_mode(0o4750)).unwrap();
    let report = bed.backup(|_| {});
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.notices, [BackupNotice::FirstIsFull]);
    let seen = bed.read(report.snapshot.as_ref().unwrap());
    let paths: Vec<&str> = seen.iter().map(|seen| std::str::from_utf8(&seen.entry.path).unwrap()).collect();
    assert_eq!(paths, ["", "a", "a/empty", "a/file", "a.b", "link", "twin"]);
    let find = |path: &str| seen.iter().find(|seen| seen.entry.path == path.as_bytes()).unwrap();
    assert_eq!(find("a/file").content, b"content");
    assert_eq!(find("a/file").entry.mode, 0o4750);
    assert_eq!(find("twin").entry.link_group(), find("a/file").entry.link_group());
    assert_eq!(find("twin").content, b"content");
    assert_eq!(find("link").entry.target, b"nowhere");
    let metadata = fs::metadata(bed.path("a/file")).unwrap();
    assert_eq!(find("a/file").entry.modified.seconds, metadata.mtime());
    assert_eq!(i64::from(find("a/file").entry.modified.nanoseconds), metadata.mtime_nsec());
}

#[test]
fn large_files_are_streamed_and_sparse_files_keep_their_holes() {
    let bed = Bed::new();
    let noise = bed::noise(11_000_000, 1);
    bed.write("large", &noise);
    let sparse = fs::File::create(bed.path("sparse")).unwrap();
    sparse.set_len(40 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, &noise[..100_000], 20 << 20).unwrap();
    drop(sparse);
    let report = bed.backup(|_| {});
    let seen = bed.read(report.snapshot.as_ref().unwrap());
    assert_eq!(seen[1].content, noise);
    let mut expected = vec![0; 40 << 20];
    expected[20 << 20..(20 << 20) + 100_000].copy_from_slice(&noise[..100_000]);
    assert_eq!(seen[2].content, expected);
    assert!(report.counts.bytes_new < 12_000_000, "holes are not stored");
}

#[test]
fn an_unchanged_source_is_neither_read_nor_stored() {
    let bed = Bed::new();
    for number in 0..500 {
        bed.write(&format!("d{}/f{number}", number % 7), format!("content {number}").as_bytes());
    }
    bed.age();
    let first = bed.backup(|_| {});
    let objects = bed.objects();
    let second = bed.backup(|_| {});
    assert_eq!(second.counts.files_unchanged, 500);
    assert_eq!((second.counts.files_read, second.counts.bytes_stored), (0, 0));
    assert_eq!(bed.objects(), objects + 1, "just the snapshot is new");
    let root = |report: &BackupReport| report.snapshot.as_ref().unwrap().completion().unwrap().root_node;
    assert_eq!(root(&first), root(&second));
}

#[test]
fn changes_are_found_and_the_rest_is_taken_over() {
    let bed = Bed::new();
    for name in ["content", "mode", "gone", "same", "touched"] {
        bed.write(name, name.as_bytes());
    }
    bed.age();
    bed.backup(|_| {});
    bed.write("content", b"CONTENT");
    bed.write("new", b"new");
    fs::set_permissions(bed.path("mode"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(bed.path("gone")).unwrap();
    let report = bed.backup(|_| {});
    let counts = report.counts;
    assert_eq!((counts.files_new, counts.files_changed, counts.files_unchanged), (1, 2, 2));
    assert_eq!((counts.entries_removed, counts.files_read), (1, 2), "a change of mode reads nothing");
    let seen = bed.read(report.snapshot.as_ref().unwrap());
    let find = |path: &[u8]| seen.iter().find(|seen| seen.entry.path == path).unwrap();
    assert_eq!(find(b"mode").entry.mode, 0o600);
    assert_eq!(find(b"mode").content, b"mode");
    assert_eq!(find(b"content").content, b"CONTENT");
}

#[test]
fn leaves_that_are_taken_over_make_the_manifest_that_a_full_makes() {
    let bed = Bed::new();
    for number in 0..600 {
        bed.write(&format!("d{}/f{number:03}", number % 9), format!("content {number}").as_bytes());
    }
    bed.age();
    let root = |report: &BackupReport| report.snapshot.as_ref().unwrap().completion().unwrap().root_node;
    bed.backup(|_| {});
    for round in 0..6 {
        // Changed, new (in the middle and at the very end), removed, and with another number of links.
        bed.write(&format!("d{round}/f{:03}", 100 + round), b"changed");
        bed.write(&format!("d{round}/new"), b"new");
        bed.write(&format!("z{round}"), b"at the end");
        fs::remove_file(bed.path(&format!("d{}/f{:03}", (200 + round) % 9, 200 + round))).unwrap();
        fs::hard_link(bed.path("d0/f000"), bed.path(&format!("d5/twin{round}"))).unwrap();
        bed.age();
        let incremental = bed.backup(|_| {});
        let full = bed.backup(|request| request.level = Level::Full);
        assert_eq!(root(&incremental), root(&full), "round {round}");
        assert!(incremental.counts.files_unchanged > 500);
    }
}

#[test]
fn files_of_moved_directories_are_not_read_again() {
    let bed = Bed::new();
    for number in 0..40 {
        bed.write(&format!("m/old/{}/f{number}", number % 3), format!("content {number}").as_bytes());
    }
    bed.write("m/old/0/changed", b"before");
    bed.age();
    bed.backup(|_| {});
    // Once to a path before the old one in the order of paths, once to a path after it.
    for place in ["a/moved", "z/moved"] {
        let from = if place == "a/moved" { "m/old" } else { "a/moved" };
        fs::create_dir_all(bed.path(place).parent().unwrap()).unwrap();
        fs::rename(bed.path(from), bed.path(place)).unwrap();
        bed.write(&format!("{place}/0/changed"), place.as_bytes());
        bed.write(&format!("{place}/0/new"), place.as_bytes());
        bed.age();
        let report = bed.backup(|_| {});
        assert_eq!(report.counts.files_read, 2, "what was written, and nothing else");
        let seen = bed.read(report.snapshot.as_ref().unwrap());
        let content = |path: &str| {
            let entry = seen.iter().find(|seen| seen.entry.path == format!("{place}/{path}").as_bytes());
            entry.unwrap().content.clone()
        };
        for number in 0..40 {
            let path = format!("{}/f{number}", number % 3);
            assert_eq!(content(&path), format!("content {number}").as_bytes());
        }
        assert_eq!(content("0/changed"), place.as_bytes());
        assert_eq!(content("0/new"), place.as_bytes());
    }
}

#[test]
fn content_written_with_its_time_put_back_is_found() {
    let bed = Bed::new();
    bed.write("file", b"before");
    bed.age();
    let times = fs::metadata(bed.path("file")).unwrap().modified().unwrap();
    bed.backup(|_| {});
    bed.write("file", b"AFTER!");
    fs::File::options().write(true).open(bed.path("file")).unwrap().set_modified(times).unwrap();
    let report = bed.backup(|_| {});
    assert_eq!(bed.read(report.snapshot.as_ref().unwrap())[1].content, b"AFTER!");
}

#[test]
fn a_full_reads_everything_and_stores_nothing_twice() {
    let bed = Bed::new();
    bed.write("file", b"content");
    bed.age();
    let first = bed.backup(|_| {});
    let full = bed.backup(|request| request.level = Level::Full);
    assert_eq!((full.counts.files_read, full.counts.chunks_new), (1, 0));
    assert_ne!(full.group, first.group);
}

#[test]
fn a_group_needs_no_pack_outside_itself() {
    let bed = Bed::new();
    bed.write("file", &bed::noise(300_000, 3));
    bed.age();
    bed.backup(|_| {});
    let grouped = |request: &mut crate::request::BackupRequest| request.dedup = Some(DedupScope::Group);
    let full = bed.backup(|request| {
        request.level = Level::Full;
        grouped(request);
    });
    bed.write("second", b"more");
    let incremental = bed.backup(|_| {});
    assert_eq!(incremental.dedup, DedupScope::Group, "it follows the last full");
    assert_eq!(incremental.group, full.group);
    bed.remove_packs_outside(full.group.unwrap());
    for report in [&full, &incremental] {
        let seen = bed.read(report.snapshot.as_ref().unwrap());
        assert_eq!(seen[1].content, bed::noise(300_000, 3));
    }
}

#[test]
fn nothing_in_a_condemned_pack_is_reused() {
    for content in [b"content".to_vec(), bed::noise(11_000_000, 1)] {
        for prefix in ["data/", "meta/manifest/"] {
            let bed = Bed::new();
            bed.write("file", &content);
            bed.age();
            bed.backup(|_| {});
            bed.condemn(prefix);
            let report = bed.backup(|_| {});
            let expected = |notice: &BackupNotice| match notice {
                BackupNotice::ChunksMissing { files: 1 } => prefix == "data/",
                BackupNotice::BaseUnreadable { .. } => prefix != "data/",
                _ => false,
            };
            assert!(report.notices.iter().any(expected), "{prefix}: {:?}", report.notices);
            // The data counts as present if only the manifest is condemned.
            assert_eq!(report.counts.chunks_new > 0, prefix == "data/");
            assert!(bed.read(report.snapshot.as_ref().unwrap())[1].content == content);
        }
    }
}

#[test]
fn chunks_that_were_lost_are_stored_again() {
    // Short lists of chunks are stored in the manifest; long ones are separate and outlive their chunks.
    for content in [b"content".to_vec(), bed::noise(11_000_000, 1)] {
        for with_directories in [false, true] {
            let bed = Bed::new();
            bed.write("file", &content);
            bed.age();
            bed.backup(|_| {});
            bed.remove_data_packs(with_directories);
            let report = bed.backup(|_| {});
            assert!(
                report.notices.contains(&BackupNotice::ChunksMissing { files: 1 }),
                "{:?}",
                report.notices
            );
            assert!(bed.read(report.snapshot.as_ref().unwrap())[1].content == content);
        }
    }
}

#[test]
fn unreadable_files_are_listed_and_marked() {
    let bed = Bed::new();
    bed.write("good", b"good");
    // Reading the memory of a process at offset 0 fails for everybody, even for root.
    let report = bed.backup(|request| request.source = BackupSource::Tree { path: "/proc/self/attr".into() });
    let unreadable = report
        .problems
        .kept()
        .iter()
        .filter(|problem| matches!(problem, SourceProblem::Unreadable(_)))
        .count();
    let snapshot = report.snapshot.as_ref().unwrap();
    assert_eq!(snapshot.completion().unwrap().errors, report.problems.total());
    let marked =
        bed.read(snapshot).iter().filter(|seen| seen.entry.marks.contains(Marks::UNREADABLE)).count();
    assert_eq!(unreadable, marked);
}

#[test]
fn a_single_file_is_a_snapshot_of_that_file() {
    let bed = Bed::new();
    bed.write("only.conf", b"one");
    let path = bed.path("only.conf");
    let report = bed.backup(|request| request.source = BackupSource::Tree { path });
    let seen = bed.read(report.snapshot.as_ref().unwrap());
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].entry.path.as_slice(), seen[0].content.as_slice()), (&b"only.conf"[..], &b"one"[..]));
}

fn stream(content: Vec<u8>, result: Result<(), String>) -> BackupSource {
    BackupSource::Stream {
        file_name: b"dump.sql".to_vec(),
        input: Box::new(std::io::Cursor::new(content)),
        command: vec!["dump".into()],
        finish: Box::new(move || result),
    }
}

#[test]
fn a_stream_becomes_a_file() {
    let bed = Bed::new();
    let content = bed::noise(9_000_000, 5);
    let report = bed.backup(|request| request.source = stream(content.clone(), Ok(())));
    let seen = bed.read(report.snapshot.as_ref().unwrap());
    let [Seen { entry, content: stored }] = seen.as_slice() else { panic!("one entry") };
    assert_eq!(
        (entry.path.as_slice(), entry.kind, entry.size),
        (&b"dump.sql"[..], EntryKind::File, 9_000_000)
    );
    assert_eq!(*stored, content);
}

#[test]
fn an_empty_stream_is_refused_unless_allowed() {
    let bed = Bed::new();
    let refused = bed.try_backup(|request| request.source = stream(Vec::new(), Ok(())));
    assert!(matches!(refused, Err(BackupError::StreamEmpty)), "{refused:?}");
    let failed = bed.try_backup(|request| request.source = stream(Vec::new(), Err("status 1".into())));
    assert!(matches!(failed, Err(BackupError::Command { .. })), "the command says why: {failed:?}");
    assert_eq!(bed.complete_snapshots(), 0);
    bed.backup(|request| {
        request.source = stream(Vec::new(), Ok(()));
        request.allow_empty = true;
    });
    assert_eq!(bed.complete_snapshots(), 1);
}

#[test]
fn a_root_that_lost_all_its_content_is_refused_unless_allowed() {
    let bed = Bed::new();
    // There was no content before, so none is missing.
    bed.backup(|_| {});
    bed.write("directory/file", b"content");
    bed.backup(|_| {});
    fs::remove_dir_all(bed.path("directory")).unwrap();
    for level in [Level::Full, Level::Incremental, Level::Differential] {
        for dry_run in [false, true] {
            let refused = bed.try_backup(|request| (request.level, request.dry_run) = (level, dry_run));
            assert!(matches!(refused, Err(BackupError::RootEmpty { entries: 3, .. })), "{refused:?}");
        }
    }
    assert_eq!(bed.complete_snapshots(), 2);
    bed.backup(|request| request.allow_empty = true);
    // From now on it is known to be empty.
    bed.backup(|_| {});
    assert_eq!(bed.complete_snapshots(), 4);
}

#[test]
fn a_command_that_fails_leaves_no_snapshot() {
    let bed = Bed::new();
    let failed =
        bed.try_backup(|request| request.source = stream(b"half".to_vec(), Err("exit status 1".into())));
    assert!(matches!(failed, Err(BackupError::Command { .. })), "{failed:?}");
    assert_eq!(bed.complete_snapshots(), 0);
}

/// A stream that interrupts the backup after a part of it has been uploaded.
struct Interrupting<'a> {
    bed: &'a Bed,
    content: std::io::Cursor<Vec<u8>>,
}

impl Read for Interrupting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.content.position() > 8_000_000 {
            while self.bed.data_packs() == 0 {
                std::thread::yield_now();
            }
            self.bed.environment.cancelled.store(true, Ordering::Relaxed);
        }
        let length = buffer.len().min(100_000);
        self.content.read(&mut buffer[..length])
    }
}

#[test]
fn an_interrupted_run_keeps_what_it_has_uploaded() {
    // Nobody waits for the thread that reads the stream, so it needs a bed that lives long enough.
    let bed: &'static Bed = Box::leak(Box::new(Bed::new()));
    let content = bed::noise(12_000_000, 9);
    let failed = bed.try_backup(|request| {
        request.write.pack_bytes = 1 << 20;
        let input = Interrupting { bed, content: std::io::Cursor::new(content.clone()) };
        let BackupSource::Stream { file_name, command, finish, .. } = stream(Vec::new(), Ok(())) else {
            return;
        };
        request.source = BackupSource::Stream { file_name, command, finish, input: Box::new(input) };
    });
    assert!(matches!(failed, Err(BackupError::Repository(RepoError::Interrupted))), "{failed:?}");
    bed.environment.cancelled.store(false, Ordering::Relaxed);
    assert_eq!(bed.complete_snapshots(), 0);
    let report = bed.backup(|request| request.source = stream(content.clone(), Ok(())));
    assert!(report.counts.bytes_new < 12_000_000, "some of it was there already");
    assert_eq!(bed.read(report.snapshot.as_ref().unwrap())[0].content, content);
}

#[test]
fn a_dry_run_writes_nothing_and_counts_what_would_be_read() {
    let bed = Bed::new();
    bed.write("old", b"old");
    bed.age();
    bed.backup(|_| {});
    bed.write("new", b"new!");
    let objects = bed.objects();
    let report = bed.backup(|request| request.dry_run = true);
    assert!(report.snapshot.is_none());
    assert_eq!((report.counts.files_new, report.counts.files_unchanged), (1, 1));
    assert_eq!((report.counts.files_read, report.counts.bytes_read), (1, 4));
    assert_eq!(bed.objects(), objects);
}

#[test]
fn one_wrong_clock_does_not_decide_which_snapshot_is_the_newest() {
    let bed = Bed::new();
    let back_up = |content: &[u8], ahead: Duration| {
        bed.write("file", content);
        bed.age();
        bed.backup_ahead(ahead)
    };
    let (years, now) = (Duration::from_hours(5 * 365 * 24), Duration::ZERO);
    let first = back_up(b"1", now);
    let ahead = back_up(b"22", years);
    let third = back_up(b"333", now);
    let last = back_up(b"4444", now);
    let reports = [&first, &ahead, &third, &last];
    let sequences = reports.map(|report| report.snapshot.as_ref().unwrap().origin.sequence);
    assert_eq!(sequences, [1, 2, 3, 4]);
    let run = |report: &BackupReport| report.snapshot.as_ref().map(|snapshot| snapshot.origin.run);
    assert_eq!(reports.map(|report| report.base), [None, run(&first), run(&ahead), run(&third)]);
    let differs = |notice: &BackupNotice| matches!(notice, BackupNotice::ClockDiffers(_));
    assert_eq!(reports.map(|report| report.notices.iter().any(differs)), [false, true, false, false]);
    let behind = |notice: &BackupNotice| matches!(notice, BackupNotice::ClockBehind { newest, .. } if Some(*newest) == run(&ahead));
    assert_eq!(reports.map(|report| report.notices.iter().any(behind)), [false, false, true, false]);
}
