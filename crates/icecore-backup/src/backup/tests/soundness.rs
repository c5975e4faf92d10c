//! A snapshot is sound whatever happens to the source meanwhile, and records what it left out.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt,
    sync::atomic::{AtomicBool, Ordering},
};

use icecore_format::{
    entry::{EntryKind, Marks},
    path,
    snapshot::Level,
};
use icecore_fs::{excludes::Excludes, stat_root};

use super::bed::{Bed, Seen};

fn assert_sound(seen: &[Seen]) {
    let kinds: HashMap<&[u8], EntryKind> =
        seen.iter().map(|seen| (seen.entry.path.as_slice(), seen.entry.kind)).collect();
    for seen in seen {
        let parent = path::parent(&seen.entry.path);
        let parent = parent.map(|parent| (parent, kinds.get(parent)));
        assert!(
            parent.is_none_or(|(_, kind)| kind == Some(&EntryKind::Directory)),
            "{:?} lies in {parent:?}",
            String::from_utf8_lossy(&seen.entry.path)
        );
    }
}

#[test]
fn directories_that_are_renamed_meanwhile_are_whole_or_named() {
    let bed = Bed::new();
    for number in 0..150 {
        for file in ["a", "b", "c"] {
            bed.write(&format!("d{number}/{file}"), number.to_string().as_bytes());
        }
    }
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stopped.load(Ordering::Relaxed) {
                for (from, to) in [("d", "e"), ("e", "d")] {
                    for number in 0..150 {
                        let of = |letter| bed.path(&format!("{letter}{number}"));
                        fs::rename(of(from), of(to)).unwrap();
                    }
                }
            }
        });
        for round in 0..10 {
            let level = if round % 2 == 0 { Level::Full } else { Level::Incremental };
            let report = bed.backup(|request| request.level = level);
            let seen = bed.read(report.snapshot.as_ref().unwrap());
            assert_sound(&seen);
            let directories =
                seen.iter().filter(|seen| seen.entry.path.len() > 1 && !seen.entry.path.contains(&b'/'));
            for directory in directories {
                let name = &directory.entry.path;
                let below = seen.iter().filter(|seen| path::is_within(&seen.entry.path, name)).count() - 1;
                let incomplete = directory.entry.marks.contains(Marks::UNREADABLE);
                assert!(below == 3 || incomplete, "{:?} has {below} files", String::from_utf8_lossy(name));
                assert!(!incomplete || !report.problems.is_empty());
            }
        }
        stopped.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_snapshot_says_what_it_left_out() {
    let bed = Bed::new();
    bed.write("cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55");
    bed.write("cache/content", b"content");
    bed.write("repository/pack", b"pack");
    bed.write("kept/excluded.log", b"log");
    bed.age();
    let repository = stat_root(&bed.path("repository"), true).unwrap();
    let excludes = Excludes::from_patterns(["*.log", "!kept.log"]).unwrap();
    let restricted = bed.backup(|request| {
        request.excludes = excludes;
        (request.exclude_caches, request.one_file_system) = (true, true);
        request.skip = vec![(repository.device, repository.inode)];
    });
    assert!(restricted.problems.is_empty());
    let snapshot = restricted.snapshot.as_ref().unwrap();
    let left_out = snapshot.completion().unwrap().left_out.clone().unwrap();
    assert_eq!(left_out.patterns, ["*.log", "!kept.log"]);
    assert_eq!(left_out.paths, [b"repository".to_vec()]);
    assert_eq!((left_out.caches, left_out.other_file_systems, left_out.more), (true, true, false));
    let marks_of = |report: &crate::report::BackupReport| {
        let seen = bed.read(report.snapshot.as_ref().unwrap());
        let cache = seen.iter().find(|seen| seen.entry.path == b"cache").unwrap();
        (cache.entry.marks, seen.iter().any(|seen| seen.entry.path == b"cache/content"))
    };
    assert_eq!(marks_of(&restricted), (Marks::CACHE_LEFT_OUT, false));
    // The directory itself is unchanged, and so is its time of change.
    let whole = bed.backup(|_| {});
    assert_eq!(marks_of(&whole), (Marks::default(), true));
    let left_out = whole.snapshot.as_ref().unwrap().completion().unwrap().left_out.clone();
    assert_eq!(left_out, Some(icecore_format::snapshot::LeftOut::default()));
    let again = bed.backup(|request| request.exclude_caches = true);
    assert_eq!(marks_of(&again), (Marks::CACHE_LEFT_OUT, false));
}

#[test]
fn names_of_a_linked_file_that_changes_meanwhile_agree_or_stand_for_themselves() {
    let bed = Bed::new();
    bed.write("a/first", b"0");
    for number in 0..300 {
        bed.write(&format!("m/{number}"), b"between");
    }
    fs::create_dir(bed.path("z")).unwrap();
    fs::hard_link(bed.path("a/first"), bed.path("z/second")).unwrap();
    bed.age();
    bed.backup(|_| {});
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                state += 1;
                fs::write(bed.path("a/first"), state.to_string()).unwrap();
                std::thread::yield_now();
            }
        });
        for _ in 0..20 {
            let report = bed.backup(|_| {});
            let seen = bed.read(report.snapshot.as_ref().unwrap());
            let find = |path: &[u8]| seen.iter().find(|seen| seen.entry.path == path).unwrap();
            let (first, second) = (find(b"a/first"), find(b"z/second"));
            let same_file =
                first.entry.link_group().is_some() && first.entry.link_group() == second.entry.link_group();
            assert!(!same_file || first.content == second.content, "one file, two contents");
            assert!(same_file || !report.problems.is_empty(), "nothing was said");
        }
        stopped.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::metadata(bed.path("z/second")).unwrap().nlink(), 2);
}
