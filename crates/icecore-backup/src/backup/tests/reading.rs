//! Reading files with wrong sizes and times, and files with odd shapes.

use std::{fs, os::unix::fs::FileExt, path::Path, time::Duration};

use icecore_format::{
    entry::{Content, Marks},
    limits::HOLES_MAX,
};

use super::bed::{Bed, Seen, noise};
use crate::{
    report::BackupReport,
    request::{BackupSource, IgnoredChanges},
};

fn only(bed: &Bed, report: &BackupReport) -> Seen {
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    bed.read(report.snapshot.as_ref().unwrap()).pop().unwrap()
}

#[test]
fn a_file_is_read_to_its_end_whatever_size_it_says() {
    for path in ["/proc/version", "/proc/sys/kernel/ostype", "/sys/kernel/uevent_seqnum", "/proc/kallsyms"] {
        if !Path::new(path).exists() {
            continue;
        }
        let bed = Bed::new();
        let backup = || bed.backup(|request| request.source = BackupSource::Tree { path: path.into() });
        let seen = only(&bed, &backup());
        assert_eq!(seen.entry.size, seen.content.len() as u64, "{path}");
        assert!(seen.content == fs::read(path).unwrap(), "{path}");
        assert_ne!(seen.entry.size, fs::metadata(path).unwrap().len(), "{path}");
        assert_eq!(backup().counts.files_read, 1, "nothing says whether it has changed: {path}");
    }
}

#[test]
fn a_file_with_a_time_in_the_future_is_read_again_once() {
    let bed = Bed::new();
    bed.write("file", b"content");
    let written = fs::metadata(bed.path("file")).unwrap().modified().unwrap();
    let future = written + Duration::from_secs(1 << 28);
    fs::File::options().write(true).open(bed.path("file")).unwrap().set_modified(future).unwrap();
    bed.age();
    let backup = || {
        let report = bed.backup(|_| {});
        bed.age();
        report
    };
    assert_eq!(backup().counts.files_read, 1);
    let second = backup();
    assert_eq!(second.counts.files_read, 1);
    assert_eq!(only(&bed, &second).entry.marks, Marks::READ_TWICE);
    let third = backup();
    assert_eq!(third.counts.files_read, 0);
    assert_eq!(only(&bed, &third).entry.marks, Marks::READ_TWICE);
    bed.write("file", b"CONTENT");
    fs::File::options().write(true).open(bed.path("file")).unwrap().set_modified(future).unwrap();
    let changed = backup();
    assert_eq!(only(&bed, &changed).content, b"CONTENT");
    assert_eq!(only(&bed, &changed).entry.marks, Marks::default());
}

#[test]
fn a_new_time_of_change_can_be_ignored() {
    let bed = Bed::new();
    bed.write("file", b"content");
    bed.age();
    bed.backup(|_| {});
    fs::hard_link(bed.path("file"), bed.path("link")).unwrap();
    fs::remove_file(bed.path("link")).unwrap();
    bed.age();
    let ignored = IgnoredChanges { changed: true, inode: false };
    let report = bed.backup(|request| request.ignored = ignored);
    assert_eq!(report.counts.files_read, 0);
    assert_eq!(only(&bed, &report).content, b"content");
    bed.write("file", b"CONTENT");
    let report = bed.backup(|request| request.ignored = ignored);
    assert_eq!(only(&bed, &report).content, b"CONTENT");
}

#[test]
fn the_granularity_of_times_is_recorded() {
    let bed = Bed::new();
    bed.write("file", b"content");
    let report = bed.backup(|_| {});
    let completion = report.snapshot.as_ref().unwrap().completion().unwrap();
    assert!((1..1_000_000_000).contains(&completion.time_granularity), "{}", completion.time_granularity);
}

/// Writes a file with data at every other 4096 bytes; returns its content.
fn checkered(bed: &Bed, name: &str, extents: usize, end: usize) -> Vec<u8> {
    let mut content = vec![0; extents * 8192 + end];
    let file = fs::File::create(bed.path(name)).unwrap();
    file.set_len(content.len() as u64).unwrap();
    for number in 0..extents {
        let data = noise(4096, number as u64 % 50);
        file.write_all_at(&data, number as u64 * 8192).unwrap();
        content[number * 8192..number * 8192 + 4096].copy_from_slice(&data);
    }
    content
}

#[test]
fn any_number_of_holes_is_kept() {
    let bed = Bed::new();
    let few = checkered(&bed, "few", HOLES_MAX, 0);
    let many = checkered(&bed, "many", HOLES_MAX + 1, 5);
    bed.age();
    let report = bed.backup(|_| {});
    let seen = bed.read(report.snapshot.as_ref().unwrap());
    assert!(seen[1].content == few && seen[2].content == many);
    if seen[1].entry.holes.is_empty() {
        return; // A file system without holes.
    }
    assert_eq!(seen[1].entry.holes.len(), HOLES_MAX);
    assert!(seen[2].entry.holes.is_empty());
    let Content::List(list) = &seen[2].entry.content else { panic!("not a list") };
    assert_eq!(list.bytes, many.len() as u64);
    assert_eq!(list.chunks, 2 * (HOLES_MAX as u64 + 1));
    assert_eq!(report.counts.bytes_read, (2 * HOLES_MAX as u64 + 1) * 4096);
    let again = bed.backup(|_| {});
    assert_eq!((again.counts.files_read, again.counts.files_unchanged), (0, 2));
}

#[test]
fn an_endless_hole_takes_no_time() {
    let bed = Bed::new();
    let file = fs::File::create(bed.path("hole")).unwrap();
    if file.set_len(8 << 40).is_err() {
        return; // The file system has no files of this size.
    }
    file.write_all_at(b"x", 1 << 40).unwrap();
    let report = bed.backup(|_| {});
    assert!(report.problems.is_empty());
    assert!(report.counts.bytes_read <= 1 << 20, "{}", report.counts.bytes_read);
}
