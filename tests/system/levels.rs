//! Fulls, incrementals and differentials behave as `docs/levels.md` promises.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::harness::{Sandbox, Tree, assert_same, bytes, read};

/// The restored tree of a day, and the program's report about its backup.
struct Day {
    tree: Tree,
    done: Value,
}

impl Day {
    fn id(&self) -> &str {
        self.done["snapshot"]["id"].as_str().unwrap()
    }

    fn group(&self) -> &str {
        self.done["snapshot"]["group"].as_str().unwrap()
    }

    fn number(&self, key: &str) -> u64 {
        self.done[key].as_u64().unwrap()
    }
}

const FILE_BYTES: u64 = 20_000;
const SUNDAY: usize = 0;
const WEEK: [&str; 8] = [
    "full",
    "incremental",
    "incremental",
    "differential",
    "incremental",
    "incremental",
    "differential",
    "full",
];

/// Simulates a day: changes two files, makes one, deletes one, changes the mode of one, and replaces a
/// directory with a file.
fn work(sandbox: &Sandbox, day: usize) {
    for name in ["changed-a", "changed-b"] {
        sandbox.write(&format!("{name}-{day}"), bytes(1000 + day as u64 * 2, FILE_BYTES as usize));
    }
    sandbox.write(&format!("new-{day}/file"), bytes(2000 + day as u64, FILE_BYTES as usize));
    let mode = 0o600 + u32::try_from(day).unwrap();
    fs::set_permissions(sandbox.source("steady-1"), fs::Permissions::from_mode(mode)).unwrap();
    if day > 1 {
        fs::remove_dir_all(sandbox.source(&format!("new-{}", day - 1))).unwrap();
        sandbox.write(&format!("new-{}", day - 1), "a file now");
    }
    fs::remove_file(sandbox.source(&format!("deleted-{day}"))).unwrap();
}

/// Makes backups for a week and the Sunday after.
fn week(sandbox: &Sandbox, options: &[&str]) -> Vec<Day> {
    for number in 0..10 {
        sandbox.write(&format!("steady-{number}"), bytes(number, FILE_BYTES as usize));
        for name in ["changed-a", "changed-b", "deleted"] {
            sandbox.write(&format!("{name}-{number}"), bytes(100 + number, FILE_BYTES as usize));
        }
    }
    let mut days = Vec::new();
    for (day, level) in WEEK.iter().enumerate() {
        if day > 0 {
            work(sandbox, day);
        }
        let options = if *level == "full" { options } else { &[] };
        sandbox.let_times_settle();
        let done = sandbox.backup(&[&["--level", level], options].concat());
        assert_eq!(done["level"], *level);
        days.push(Day { tree: read(&sandbox.source("")), done });
    }
    days
}

#[test]
fn a_week_reads_and_stores_what_the_document_says() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    let days = week(&sandbox, &[]);
    let files = |count: u64| count * FILE_BYTES;
    assert_eq!(days[SUNDAY].number("bytes_read"), files(40));
    // Two changed and one new; the files that replaced directories have ten bytes.
    for day in [1, 2, 4, 5] {
        let extra = if day > 1 { 10 } else { 0 };
        assert_eq!(days[day].number("bytes_read"), files(3) + extra, "day {day}");
    }
    // Wednesday: two changed on each of three days, the remaining new ones, and the small files.
    assert_eq!(days[3].number("bytes_read"), files(6 + 1) + 20);
    assert_eq!(days[6].number("bytes_read"), files(12 + 1) + 50);
    // The changed pair has one content each day, and the small files always the same.
    for (day, extra) in [(1, 0), (2, 10), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0)] {
        assert_eq!(days[day].number("bytes_new"), files(2) + extra, "day {day}");
    }
    // The second full reads everything and stores only the day's changes.
    assert_eq!(days[7].number("bytes_read"), days[7].number("bytes"));
    assert_eq!(days[3].done["base"], days[SUNDAY].id());
    assert_eq!(days[4].done["base"], days[3].id());
    assert_ne!(days[7].group(), days[SUNDAY].group());
    for day in &days {
        sandbox.restore(day.id(), "restored", &["--delete"]);
        assert_same(&day.tree, &read(&sandbox.path("restored")));
    }
}

#[test]
fn a_group_restores_when_everything_else_is_gone() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    // Content that another source has stored before must be stored in the group again.
    sandbox.write("steady-1", bytes(1, FILE_BYTES as usize));
    sandbox.backup(&["--name", "other"]);
    let days = week(&sandbox, &["--dedup", "group"]);
    work(&sandbox, 8);
    let done = sandbox.backup(&[]);
    assert_eq!(done["dedup"], "group");
    let monday = Day { tree: read(&sandbox.source("")), done };
    // The second full stores everything again: ten steady contents, seven of changed pairs, three of other
    // pairs, one new.
    assert_eq!(days[7].number("bytes_new"), 21 * FILE_BYTES + 10);
    for (group, members) in [(days[0].group(), &days[..7]), (days[7].group(), &[])] {
        let own: Vec<&Day> = days.iter().chain([&monday]).filter(|day| day.group() == group).collect();
        assert!(own.len() >= members.len().max(2));
        let copy = only_group(&sandbox, &own);
        for day in own {
            copy.restore(day.id(), "restored", &["--delete"]);
            assert_same(&day.tree, &read(&copy.path("restored")));
        }
    }
}

/// Copies the repository without the objects of other groups.
fn only_group(sandbox: &Sandbox, days: &[&Day]) -> Sandbox {
    let mut copy = Sandbox::in_memory();
    let runs: Vec<&str> = days.iter().map(|day| day.done["snapshot"]["run"].as_str().unwrap()).collect();
    let place = copy.path("copy");
    let mut left_out = 0;
    for object in sandbox.objects("") {
        let path = object.to_str().unwrap();
        // data/GROUP/RUN-N, meta/packs/RUN-N, meta/manifest/RUN-N, meta/snapshots/RUN
        let is_of_run = ["data/", "meta/packs/", "meta/manifest/", "meta/snapshots/"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        // The log would report the snapshots of the other groups as missing.
        if path.starts_with("meta/log/") {
            continue;
        }
        let name = object.file_name().unwrap().to_str().unwrap();
        if is_of_run && !runs.iter().any(|run| name.starts_with(run)) {
            left_out += 1;
            continue;
        }
        fs::create_dir_all(place.join(&object).parent().unwrap()).unwrap();
        fs::copy(sandbox.repository().join(&object), place.join(&object)).unwrap();
    }
    assert!(left_out > 3, "there was nothing to leave out");
    copy.use_repository(place);
    let keys = copy.path("home/config/icecore/keys");
    fs::create_dir_all(&keys).unwrap();
    fs::copy(sandbox.key_file(), keys.join(sandbox.key_file().file_name().unwrap())).unwrap();
    // Such a copy looks the same as a repository whose log was removed.
    copy.run(&["check", "--accept-rollback"]).expect(0);
    copy.check_all_data();
    copy
}

#[test]
fn a_group_is_not_self_contained_with_the_scope_of_the_repository() {
    // Shows that the test above can fail.
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    sandbox.write("file", bytes(1, FILE_BYTES as usize));
    let first = sandbox.backup(&["--level", "full"]);
    let second = sandbox.backup(&["--level", "full"]);
    assert_ne!(first["snapshot"]["group"], second["snapshot"]["group"]);
    let group = first["snapshot"]["run"].as_str().unwrap();
    fs::remove_dir_all(sandbox.repository().join("data").join(group)).unwrap();
    let id = second["snapshot"]["id"].as_str().unwrap();
    sandbox.run(&["restore", id, "--target", "restored"]).expect(20);
}

#[test]
fn scopes_that_cannot_be_honoured_become_a_full() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", bytes(1, FILE_BYTES as usize));
    let first = sandbox.backup(&["--level", "differential"]);
    assert_eq!(first["level"], "full");
    assert_eq!(first["notices"].as_array().unwrap().len(), 1);
    let second = sandbox.backup(&["--dedup", "group"]);
    assert_eq!((&second["level"], &second["dedup"]), (&"full".into(), &"group".into()));
    assert!(second["notices"][0].as_str().unwrap().contains("is a full"), "{second:#}");
    assert_eq!(second["bytes_new"], FILE_BYTES);
    let third = sandbox.backup(&["--dedup", "repository"]);
    assert_eq!((&third["level"], &third["dedup"]), (&"incremental".into(), &"repository".into()));
}

#[test]
fn partial_restores_bring_a_tree_from_one_state_to_another() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    let days = week(&sandbox, &[]);
    let target = |name: &str| sandbox.path(name);
    sandbox.restore(days[0].id(), "daily", &[]);
    for day in &days[1..] {
        let report = sandbox.restore(day.id(), "daily", &["--incremental", "--delete"]);
        assert_same(&day.tree, &read(&target("daily")));
        assert!(report["files_written"].as_u64() < Some(6), "{report:#}");
    }
    sandbox.restore(days[0].id(), "jumps", &[]);
    for day in [3, 6] {
        sandbox.restore(days[day].id(), "jumps", &["--differential", "--delete"]);
        assert_same(&days[day].tree, &read(&target("jumps")));
    }
    sandbox.restore(days[7].id(), "jumps", &["--since", days[6].id(), "--delete"]);
    assert_same(&days[7].tree, &read(&target("jumps")));
    // Without --delete, deleted files stay.
    sandbox.restore(days[0].id(), "keeps", &[]);
    sandbox.restore(days[3].id(), "keeps", &["--differential"]);
    let kept = read(&target("keeps"));
    assert!(kept.contains_key(b"deleted-1".as_slice()));
    assert!(days[3].tree.keys().all(|path| kept.contains_key(path)));
    // Into a new directory: only the changed entries, with the directories above them.
    sandbox.restore(days[5].id(), "changes", &["--incremental"]);
    let paths: Vec<String> =
        read(&target("changes")).into_keys().map(|path| String::from_utf8(path).unwrap()).collect();
    assert_eq!(paths, ["", "changed-a-5", "changed-b-5", "new-4", "new-5", "new-5/file", "steady-1"]);
}

#[test]
fn a_change_behind_size_and_time_is_brought_over_too() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "one");
    let modified = fs::metadata(sandbox.source("file")).unwrap().modified().unwrap();
    let first = sandbox.backup(&[]);
    sandbox.write("file", "two");
    fs::File::options().write(true).open(sandbox.source("file")).unwrap().set_modified(modified).unwrap();
    sandbox.backup(&["--level", "full"]);
    sandbox.restore(first["snapshot"]["id"].as_str().unwrap(), "restored", &[]);
    sandbox.restore("latest", "restored", &["--incremental"]);
    assert_eq!(fs::read(sandbox.path("restored/file")).unwrap(), b"two");
}
