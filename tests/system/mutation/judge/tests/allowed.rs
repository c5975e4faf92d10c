//! Each allowed property of a snapshot, once, and its limit.

use std::fs;

use serde_json::json;

use super::{
    super::bytes::render,
    bed::{
        Bed, DIRECTORY, FILE, FILE_GENERATION, FILE_RECORDS, LINKED, MADE, dense, directory, empty_file,
        entry, file_content, place, time_of,
    },
};
use crate::mutation::journal::Effect;

#[test]
fn a_renamed_file_under_either_name_both_or_none() {
    for (has_old, has_new) in [(true, false), (false, true), (true, true), (false, false)] {
        let mut bed = Bed::new();
        bed.move_object(FILE, place(DIRECTORY, "f"), place(0, "g"));
        if has_new {
            bed.put("g", &render(&file_content()), 0o644, time_of(FILE_GENERATION));
        }
        if !has_old {
            bed.remove("d/f");
        }
        bed.assert_accepted(MADE..MADE + 1);
    }
}

#[test]
fn a_renamed_directory_under_either_name_both_or_none() {
    for (has_old, has_new) in [(true, false), (false, true), (true, true), (false, false)] {
        let mut bed = Bed::new();
        bed.move_object(DIRECTORY, place(0, "d"), place(0, "e"));
        if has_new {
            fs::create_dir(bed.path("e")).unwrap();
            bed.put("e/f", &render(&file_content()), 0o644, time_of(FILE_GENERATION));
        }
        if !has_old {
            fs::remove_dir_all(bed.path("d")).unwrap();
        }
        bed.assert_accepted(MADE..MADE + 1);
    }
}

#[test]
fn a_combination_that_never_existed_at_once() {
    let mut bed = Bed::new();
    let (one, two) = (dense(FILE, 22, 10), dense(LINKED, 32, 10));
    bed.write(file_content(), one);
    bed.write(dense(LINKED, 31, 40), two);
    // `a` comes from after the second change, `d/f` from before the first.
    bed.put("a", &render(&two), 0o644, time_of(32));
    bed.assert_accepted(MADE..MADE + 2);
}

#[test]
fn a_path_whose_steps_existed_at_different_moments() {
    let mut bed = Bed::new();
    bed.move_object(FILE, place(DIRECTORY, "f"), place(0, "g"));
    bed.move_object(DIRECTORY, place(0, "d"), place(0, "e"));
    bed.rename("d", "e");
    // `e/f` never existed, but a program that opened `d` finds it.
    bed.assert_accepted(MADE..MADE + 2);
    bed.plant();
    bed.rename("d/f", "g");
    bed.rename("d", "e");
    bed.assert_accepted(MADE + 1..MADE + 2);
    bed.plant();
    bed.put("g", &render(&file_content()), 0o644, time_of(FILE_GENERATION));
    bed.rename("d", "e");
    bed.assert_found(MADE + 1..MADE + 2, "\"e/f\" is a file, but nothing was ever there");
}

#[test]
fn files_that_changed_are_marked_and_not_judged() {
    let changes: [fn(&mut Bed); 5] = [
        |bed| bed.write(file_content(), dense(FILE, 22, 10)),
        |bed| bed.link(FILE, place(0, "g")),
        |bed| bed.move_object(FILE, place(DIRECTORY, "f"), place(0, "g")),
        |bed| bed.set_mode(FILE, 0o600),
        |bed| {
            let (object, name) = (FILE, "user.one".to_owned());
            bed.add(Effect::AttributeSet { object, name, value: Some("1".to_owned()) });
        },
    ];
    for change in changes {
        let mut bed = Bed::new();
        change(&mut bed);
        bed.put("d/f", b"anything", 0o644, (1, 1));
        entry(bed.take(MADE..MADE + 1, 3), "d/f")["marks"] = json!(["changed-while-read"]);
        assert_eq!(bed.judge(), Vec::<String>::new());
        let taken = bed.snapshots.last_mut().unwrap();
        fs::remove_file(taken.restored.join("d/f")).unwrap();
        entry(taken, "d/f")["marks"] = json!(["unreadable"]);
        assert_eq!(bed.judge(), Vec::<String>::new());
    }
}

#[test]
fn a_mark_needs_a_change_of_its_object() {
    let mut bed = Bed::new();
    // The path is not steady, but the file is the same.
    bed.move_object(DIRECTORY, place(0, "d"), place(0, "e"));
    entry(bed.take(MADE..MADE + 1, 3), "d/f")["marks"] = json!(["changed-while-read"]);
    bed.assert_judged("marked as changed-while-read, for no reason");
    let mut bed = Bed::new();
    bed.create(6, place(DIRECTORY, "g"), empty_file(6), 0o644);
    entry(bed.take(MADE..MADE + 1, 3), "l")["marks"] = json!(["attributes-incomplete"]);
    assert_eq!(bed.judge().len(), 2);
    entry(bed.snapshots.last_mut().unwrap(), "l")["marks"] = json!(["read-twice"]);
    assert_eq!(bed.judge(), Vec::<String>::new());
}

#[test]
fn directories_that_moved_are_marked_and_lack_names() {
    let mut bed = Bed::new();
    bed.create(6, place(DIRECTORY, "sub"), directory(), 0o755);
    bed.move_object(DIRECTORY, place(0, "d"), place(0, "e"));
    fs::create_dir(bed.path("d/sub")).unwrap();
    bed.remove("d/f");
    let taken = bed.take(MADE + 1..MADE + 2, 3);
    entry(taken, "d")["marks"] = json!(["unreadable"]);
    entry(taken, "d/sub")["marks"] = json!(["unreadable"]);
    assert_eq!(bed.judge(), Vec::<String>::new());
    // Existing names are judged.
    fs::write(bed.snapshots[0].restored.join("d/b"), "other").unwrap();
    assert!(!bed.judge().is_empty());
    // So are names that replaced something else.
    let mut bed = Bed::new();
    bed.unlink(5, place(0, "p"));
    bed.create(6, place(0, "p"), directory(), 0o755);
    bed.remove("p");
    fs::create_dir(bed.path("p")).unwrap();
    bed.mode("p", 0o755);
    entry(bed.take(MADE..MADE + 2, 3), "p")["marks"] = json!(["unreadable", "attributes-incomplete"]);
    assert_eq!(bed.judge(), Vec::<String>::new());
    // Creating it is no reason.
    let mut bed = Bed::new();
    bed.create(6, place(DIRECTORY, "sub"), directory(), 0o755);
    fs::create_dir(bed.path("d/sub")).unwrap();
    entry(bed.take(MADE..MADE + 1, 3), "d/sub")["marks"] = json!(["unreadable"]);
    bed.assert_judged("marked as unreadable, for no reason");
}

#[test]
fn a_name_alone_may_stand_for_anything_that_was_there() {
    let mut bed = Bed::new();
    bed.unlink(5, place(0, "p"));
    let taken = bed.take(MADE..MADE + 1, 3);
    *entry(taken, "p") = json!({"path": "p", "kind": "file", "mode": "0000", "size": 0, "modified": null,
        "inode": 0, "hard_link": false, "marks": ["unreadable", "name-only"]});
    fs::remove_file(taken.restored.join("p")).unwrap();
    assert_eq!(bed.judge(), Vec::<String>::new());
    entry(bed.snapshots.last_mut().unwrap(), "p")["path"] = json!("q");
    bed.assert_judged("nothing was ever there");
}

#[test]
fn links_as_a_part_of_the_group_or_as_several_files() {
    let mut bed = Bed::new();
    bed.link(LINKED, place(0, "c"));
    bed.assert_accepted(MADE..MADE + 1);
    bed.plant();
    fs::hard_link(bed.path("a"), bed.path("c")).unwrap();
    bed.assert_accepted(MADE..MADE + 1);
    bed.plant();
    bed.remove("d/b");
    for path in ["c", "d/b"] {
        bed.put(path, &render(&dense(LINKED, 31, 40)), 0o644, time_of(31));
    }
    bed.assert_accepted(MADE..MADE + 1);
}

#[test]
fn intermediate_content_of_what_is_written_meanwhile() {
    let mut bed = Bed::new();
    let after = dense(FILE, 22, FILE_RECORDS);
    bed.write(file_content(), after);
    bed.set_mode(FILE, 0o600);
    let mut bytes = render(&file_content());
    bytes[..4096].copy_from_slice(&render(&after)[..4096]);
    bed.put("d/f", &bytes, 0o644, (1, 1));
    bed.assert_accepted(MADE..MADE + 2);
    bed.plant();
    bed.put("d/f", &bytes, 0o600, (1, 1));
    bed.assert_found(MADE..MADE + 2, "never had together");
    bed.plant();
    bed.put("d/f", &bytes, 0o600, time_of(22));
    bed.assert_found(MADE + 1..MADE + 2, "which it never had");
}

/// Returns a bed with a full, after which the file was rewritten with its time reset, and its mode was set.
fn kept(has_mode: bool) -> Bed {
    let mut bed = Bed::new();
    bed.take(MADE..MADE, 0);
    let modified = time_of(FILE_GENERATION);
    let (object, before, after) = (FILE, file_content(), dense(FILE, 22, FILE_RECORDS));
    bed.add(Effect::Written { object, before, after, modified });
    if has_mode {
        bed.set_mode(FILE, 0o600);
    }
    bed.plant();
    bed.mode("d/f", if has_mode { 0o600 } else { 0o644 });
    bed
}

#[test]
fn old_content_that_a_change_of_mode_hides() {
    let after = MADE + 2..MADE + 2;
    for level in ["incremental", "differential"] {
        let mut bed = kept(true);
        bed.take_at(level, after.clone(), 0);
        assert_eq!(bed.judge(), Vec::<String>::new());
        // And again by the next backup, whose base has it.
        bed.plant();
        bed.mode("d/f", 0o600);
        bed.take_at(level, after.clone(), 0);
        assert_eq!(bed.judge(), Vec::<String>::new());
    }
    let mut bed = kept(true);
    bed.take_at("full", after.clone(), 0);
    bed.assert_judged("which it never had");
    let mut bed = kept(false);
    bed.take_at("incremental", MADE + 1..MADE + 1, 0);
    bed.assert_judged("which it never had");
    // It does not matter whether the old content still existed when the backup began.
    let mut bed = kept(true);
    bed.take_at("incremental", MADE..MADE + 2, 0);
    assert_eq!(bed.judge(), Vec::<String>::new());
    bed.snapshots.last_mut().unwrap().level = "full";
    bed.assert_judged("never had together");
    // The name does not matter, because a moved file is recognised by its inode.
    let mut bed = kept(true);
    bed.move_object(FILE, place(DIRECTORY, "f"), place(0, "g"));
    bed.rename("d/f", "g");
    bed.take_at("incremental", MADE + 3..MADE + 3, 0);
    assert_eq!(bed.judge(), Vec::<String>::new());
    // The change of mode is no excuse if the time shows that the file was written.
    let mut bed = kept(true);
    bed.put("d/f", &render(&file_content()), 0o600, time_of(22));
    bed.take_at("incremental", after.clone(), 0);
    bed.assert_judged("which it never had");
    // Nor is a change before the earlier backup, or an earlier backup before the last full.
    let mut bed = kept(true);
    bed.snapshots[0].started = std::time::Duration::from_secs(1);
    bed.take_at("incremental", after.clone(), 0);
    bed.assert_judged("which it never had");
    let mut bed = kept(true);
    bed.put("d/f", &render(&dense(FILE, 22, FILE_RECORDS)), 0o600, time_of(FILE_GENERATION));
    bed.assert_accepted(after.clone());
    bed.plant();
    bed.mode("d/f", 0o600);
    bed.take_at("incremental", after, 0);
    bed.assert_judged("which it never had");
}
