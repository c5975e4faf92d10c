//! Each forbidden property of a snapshot, once.

use std::fs;

use rustix::fs::{XattrFlags, lsetxattr};
use serde_json::json;

use super::{
    super::bytes::render,
    bed::{
        Bed, DIRECTORY, FILE, FILE_GENERATION, FILE_RECORDS, LINKED, MADE, dense, empty_file, entry,
        file_content, place, time_of,
    },
};
use crate::mutation::{journal::Effect, runner::Taken};

/// A second content of the file, and its bytes.
fn rewrite(bed: &mut Bed) -> Vec<u8> {
    let after = dense(FILE, 22, FILE_RECORDS);
    bed.write(file_content(), after);
    render(&after)
}

#[test]
fn a_tree_at_rest_is_accepted() {
    Bed::new().assert_accepted(MADE..MADE);
}

#[test]
fn a_torn_file() {
    let mut bed = Bed::new();
    let mut bytes = rewrite(&mut bed);
    // The first half is new, as if it was read during the writing.
    bytes[FILE_RECORDS * 32..].copy_from_slice(&render(&file_content())[FILE_RECORDS * 32..]);
    bed.put("d/f", &bytes, 0o644, time_of(22));
    bed.assert_found(MADE..MADE + 1, "which it never had");
}

#[test]
fn content_that_is_no_more_or_not_yet() {
    for (level, during) in [("incremental", MADE + 1..MADE + 1), ("full", MADE + 1..MADE + 1)] {
        let mut bed = Bed::new();
        rewrite(&mut bed);
        bed.put("d/f", &render(&file_content()), 0o644, time_of(22));
        bed.take_at(level, during, 0);
        bed.assert_judged("which it never had");
    }
    let mut bed = Bed::new();
    let bytes = rewrite(&mut bed);
    bed.put("d/f", &bytes, 0o644, time_of(FILE_GENERATION));
    bed.assert_found(MADE..MADE, "which it never had");
}

#[test]
fn bytes_that_nobody_wrote() {
    let mut bed = Bed::new();
    bed.put("d/f", &[0; 4096], 0o644, time_of(FILE_GENERATION));
    bed.assert_found(MADE..MADE, "was never of another object");
    let mut bed = Bed::new();
    let mut bytes = render(&file_content());
    bytes[5000] = b'x';
    bed.put("d/f", &bytes, 0o644, time_of(FILE_GENERATION));
    bed.assert_found(MADE..MADE, "which it never had");
}

#[test]
fn content_without_its_time_length_or_mode() {
    let mut bed = Bed::new();
    bed.put("d/f", &render(&file_content()), 0o644, (5, 5));
    bed.assert_found(MADE..MADE, "never had together");
    let mut bed = Bed::new();
    bed.set_mode(FILE, 0o600);
    bed.add(Effect::TimeSet { object: FILE, modified: (7, 7) });
    let bytes = rewrite(&mut bed);
    // The new content never had the old mode.
    bed.put("d/f", &bytes, 0o644, time_of(22));
    bed.assert_found(MADE..MADE + 3, "never had together");
    let mut bed = Bed::new();
    bed.set_mode(FILE, 0o600);
    bed.add(Effect::TimeSet { object: FILE, modified: (7, 7) });
    // The old mode never had the new time.
    bed.put("d/f", &render(&file_content()), 0o644, (7, 7));
    bed.assert_found(MADE..MADE + 2, "never had together");
    let mut bed = Bed::new();
    bed.put("d/f", &[], 0o644, time_of(FILE_GENERATION));
    bed.assert_found(MADE..MADE, "which it never had");
}

#[test]
fn an_empty_file_with_the_time_of_its_content() {
    let mut bed = Bed::new();
    bed.create(6, place(0, "e"), empty_file(6), 0o644);
    bed.put("e", &[], 0o644, (100, 0));
    bed.assert_accepted(MADE + 1..MADE + 1);
    bed.plant();
    bed.put("e", &[], 0o644, (101, 0));
    bed.assert_found(MADE + 1..MADE + 1, "never had together");
}

#[test]
fn an_object_that_was_never_there() {
    let mut bed = Bed::new();
    bed.put("d/f", &render(&dense(LINKED, 31, 40)), 0o644, time_of(31));
    bed.assert_found(MADE..MADE, "was never of another object");
    let mut bed = Bed::new();
    bed.put("more", &render(&file_content()), 0o644, time_of(FILE_GENERATION));
    bed.assert_found(MADE..MADE, "nothing was ever there");
    // It existed, but no longer.
    let mut bed = Bed::new();
    bed.move_object(FILE, place(DIRECTORY, "f"), place(0, "f"));
    bed.put("f", &render(&file_content()), 0o644, time_of(FILE_GENERATION));
    bed.assert_found(MADE + 1..MADE + 1, "nothing was ever there");
}

#[test]
fn a_kind_that_was_never_there() {
    let mut bed = Bed::new();
    bed.remove("p");
    bed.put("p", &[], 0o600, (100, 0));
    bed.assert_found(MADE..MADE, "is a file, but was only [\"fifo");
    let mut bed = Bed::new();
    bed.remove("l");
    fs::create_dir(bed.path("l")).unwrap();
    bed.assert_found(MADE..MADE, "is a directory, but was only [\"symlink");
}

fn items(taken: &mut Taken) -> &mut Vec<serde_json::Value> {
    taken.listing.as_array_mut().unwrap()
}

#[test]
fn entries_that_are_no_tree() {
    let mut bed = Bed::new();
    let taken = bed.take(MADE..MADE, 0);
    let first = items(taken)[0].clone();
    items(taken).push(first);
    bed.assert_judged("has two entries");
    let mut bed = Bed::new();
    let taken = bed.take(MADE..MADE, 0);
    items(taken).retain(|item| item["path"] != "d");
    let faults = bed.judge();
    assert!(
        faults.iter().any(|fault| fault == "\"d/f\" has no entry for the directory above it"),
        "{faults:?}"
    );
    let mut bed = Bed::new();
    let taken = bed.take(MADE..MADE, 0);
    entry(taken, "d")["kind"] = json!("fifo");
    let faults = bed.judge();
    assert!(faults.iter().any(|fault| fault == "\"d/f\" is below a fifo"), "{faults:?}");
    let mut bed = Bed::new();
    entry(bed.take(MADE..MADE, 0), "d")["mode"] = json!(null);
    assert!(bed.judge()[0].contains("cannot be understood"));
}

#[test]
fn links_of_files_that_were_never_one() {
    // Without the mark, another file with the same content cannot be distinguished by its bytes.
    let mut bed = Bed::new();
    bed.set_mode(FILE, 0o644);
    bed.set_mode(LINKED, 0o644);
    bed.remove("d/f");
    fs::hard_link(bed.path("a"), bed.path("d/f")).unwrap();
    let taken = bed.take(MADE..MADE + 2, 3);
    for path in ["a", "d/b", "d/f"] {
        entry(taken, path)["marks"] = json!(["changed-while-read"]);
    }
    bed.assert_judged("are one file, but may only be");
}

#[test]
fn links_that_differ() {
    for (field, value) in
        [("size", json!(64)), ("modified", json!("1970-01-01T00:00:01Z")), ("mode", json!("0600"))]
    {
        let mut bed = Bed::new();
        entry(bed.take(MADE..MADE, 0), "a")[field] = value;
        let faults = bed.judge();
        assert!(faults.iter().any(|fault| fault.contains("with several lengths")), "{field}: {faults:?}");
    }
    let mut bed = Bed::new();
    entry(bed.take(MADE..MADE, 0), "a")["inode"] = json!(1);
    let faults = bed.judge();
    assert!(faults.iter().any(|fault| fault.contains("not listed as links")), "{faults:?}");
}

#[test]
fn a_mode_a_target_or_attributes_that_never_were() {
    let mut bed = Bed::new();
    bed.mode("d", 0o700);
    bed.assert_found(MADE..MADE, "has the mode 0700");
    let mut bed = Bed::new();
    bed.remove("l");
    std::os::unix::fs::symlink("other", bed.path("l")).unwrap();
    bed.assert_found(MADE..MADE, "has the target");
    for path in ["d", "d/f"] {
        let mut bed = Bed::new();
        lsetxattr(bed.path(path), "user.more", b"1", XattrFlags::empty()).unwrap();
        bed.assert_found(MADE..MADE, "has the attributes");
    }
    let mut bed = Bed::new();
    bed.set_mode(FILE, 0o600);
    bed.mode("d/f", 0o640);
    entry(bed.take(MADE..MADE + 1, 3), "d/f")["marks"] = json!(["changed-while-read"]);
    bed.assert_judged("has the mode 0640");
}

#[test]
fn an_attribute_that_is_missing() {
    let mut bed = Bed::new();
    let attribute = |value: Option<&str>| Effect::AttributeSet {
        object: FILE,
        name: "user.one".to_owned(),
        value: value.map(str::to_owned),
    };
    bed.add(attribute(Some("1")));
    bed.add(attribute(None));
    bed.assert_found(MADE + 1..MADE + 1, "has the attributes");
    bed.plant();
    bed.assert_accepted(MADE + 1..MADE + 2);
    bed.plant();
    lsetxattr(bed.path("d/f"), "user.one", b"1", XattrFlags::empty()).unwrap();
    bed.assert_accepted(MADE..MADE + 1);
}

#[test]
fn something_steady_that_is_missing() {
    for path in ["d/f", "l", "p", "d/b"] {
        let mut bed = Bed::new();
        // Events beside it are no excuse.
        bed.create(6, place(DIRECTORY, "g"), empty_file(6), 0o644);
        bed.remove(path);
        bed.assert_found(MADE..MADE + 1, "is missing");
    }
    let mut bed = Bed::new();
    fs::remove_dir_all(bed.path("d")).unwrap();
    assert_eq!(bed.faults(MADE..MADE).len(), 3);
    // A file that was written also existed all the time.
    let mut bed = Bed::new();
    rewrite(&mut bed);
    bed.remove("d/f");
    bed.assert_found(MADE..MADE + 1, "is missing");
}

#[test]
fn something_steady_that_is_marked() {
    for (path, marks) in [
        ("d", json!(["unreadable"])),
        ("d/f", json!(["changed-while-read"])),
        ("d/f", json!(["unreadable"])),
        ("d/f", json!(["unreadable", "name-only"])),
        ("p", json!(["unreadable", "name-only"])),
    ] {
        let mut bed = Bed::new();
        bed.create(6, place(DIRECTORY, "g"), empty_file(6), 0o644);
        let taken = bed.take(MADE..MADE + 1, 3);
        entry(taken, path)["marks"] = marks.clone();
        let faults = bed.judge();
        assert!(
            faults.iter().any(|fault| fault.contains("that was there all the time")),
            "{marks}: {faults:?}"
        );
    }
    // Changed, but not a file: there is no reason to mark it.
    let mut bed = Bed::new();
    bed.set_mode(DIRECTORY, 0o700);
    entry(bed.take(MADE..MADE + 1, 3), "d")["marks"] = json!(["unreadable"]);
    assert_eq!(bed.judge().len(), 2);
}

#[test]
fn steady_links_that_are_several_files() {
    let separate = |bed: &Bed| {
        bed.remove("d/b");
        bed.put("d/b", &render(&dense(LINKED, 31, 40)), 0o644, time_of(31));
    };
    let mut bed = Bed::new();
    separate(&bed);
    bed.assert_found(MADE..MADE, "not one group: it did not change");
    let mut bed = Bed::new();
    bed.set_mode(LINKED, 0o644);
    separate(&bed);
    bed.assert_found(MADE..MADE + 1, "not one group: its content or properties changed");
}

#[test]
fn exit_codes_that_do_not_tell_the_truth() {
    for (marks, path) in [("changed-while-read", "d/f"), ("unreadable", "d/f"), ("name-only", "d/f")] {
        let mut bed = Bed::new();
        bed.move_object(FILE, place(DIRECTORY, "f"), place(DIRECTORY, "g"));
        entry(bed.take(MADE..MADE + 1, 0), path)["marks"] = json!([marks]);
        bed.assert_judged("exit code 0");
        bed.snapshots.last_mut().unwrap().code = 3;
        assert_eq!(bed.judge(), Vec::<String>::new());
    }
    let mut bed = Bed::new();
    bed.take(MADE..MADE, 3);
    bed.assert_judged("exit code 3");
    bed.snapshots.last_mut().unwrap().code = 20;
    bed.assert_judged("exit code 20");
}

#[test]
fn a_restored_tree_that_is_not_what_is_listed() {
    type Change = fn(&mut Taken);
    let cases: [(&str, Change); 6] = [
        ("was restored, but is not listed", |taken| items(taken).retain(|item| item["path"] != "d/f")),
        ("is listed as", |taken| entry(taken, "p")["kind"] = json!("symlink")),
        ("is listed as", |taken| entry(taken, "d/f")["mode"] = json!("0600")),
        ("is listed with 1 bytes", |taken| entry(taken, "d/f")["size"] = json!(1)),
        ("is listed with the target", |taken| entry(taken, "l")["target"] = json!("other")),
        ("was not restored", |taken| fs::remove_file(taken.restored.join("d/f")).unwrap()),
    ];
    for (words, change) in cases {
        let mut bed = Bed::new();
        change(bed.take(MADE..MADE, 0));
        let faults = bed.judge();
        assert!(faults.iter().any(|fault| fault.contains(words)), "{words}: {faults:?}");
    }
}
