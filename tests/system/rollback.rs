//! Somebody replaces the repository with an older copy, or removes something: Icecore notices it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::harness::{Output, Sandbox, bytes, run_command, succeed};

/// Replaces a directory with a copy of another one.
fn put(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    succeed(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// Runs the program as another host, which has the key but has never seen the repository, or only when it was
/// last called `name`.
#[track_caller]
fn on_host(sandbox: &Sandbox, name: &str, arguments: &[&str]) -> Output {
    let mut command = sandbox.command(arguments);
    command.env("XDG_STATE_HOME", sandbox.path(&format!("{name}/state")));
    command.env("XDG_CACHE_HOME", sandbox.path(&format!("{name}/cache")));
    run_command(command)
}

/// Backs up something new and returns the id of the snapshot.
#[track_caller]
fn back_up(sandbox: &Sandbox, seed: u64) -> String {
    sandbox.write("file", bytes(seed, 20_000));
    sandbox.backup(&[])["snapshot"]["id"].as_str().unwrap().to_owned()
}

/// Returns the kinds of losses in a JSON document.
fn kinds(document: &Value) -> Vec<&str> {
    document["losses"].as_array().unwrap().iter().map(|loss| loss["kind"].as_str().unwrap()).collect()
}

/// Returns whether an object is the snapshot with this id.
fn is_of(object: &Path, id: &str) -> bool {
    object.to_str().unwrap().ends_with(id)
}

fn newest(sandbox: &Sandbox, prefix: &str) -> PathBuf {
    sandbox.repository().join(sandbox.objects(prefix).pop().unwrap())
}

#[test]
fn an_older_copy_in_the_place_of_a_repository_is_noticed_until_it_is_accepted() {
    let sandbox = Sandbox::with_repository();
    let first = back_up(&sandbox, 1);
    let copy = sandbox.path("copy");
    put(sandbox.repository(), &copy);
    let second = back_up(&sandbox, 2);
    sandbox.run(&["check"]).expect(0);
    put(&copy, sandbox.repository());

    let listed = sandbox.run(&["snapshots"]).expect(20).says(&second).says("ROLLED BACK");
    assert!(listed.text().contains(&first));
    let check = sandbox.run(&["check"]).expect(20);
    assert!(
        check.text().contains(&second) && check.text().contains("--accept-rollback"),
        "{}",
        check.describe()
    );
    assert!(!check.text().contains("check the disk"), "nothing else is damaged: {}", check.describe());

    let backup = sandbox.run(&["backup", "source", "--json"]).expect(20).says(&second);
    let document = backup.json();
    assert_eq!(kinds(&document), ["snapshot-vanished", "older-than-seen"]);
    assert_eq!(document["losses"][0]["snapshot"], *second);
    assert_eq!(document["losses"][0]["source"], "source");
    let third = document["sources"][0]["snapshot"]["id"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.snapshots(), [first, third], "the backup was made");

    // It is not forgotten, not even without the cache, and the log now tells other hosts about it.
    sandbox.delete_cache();
    sandbox.run(&["check"]).expect(20);
    let other = on_host(&sandbox, "other", &["check", "--json"]).expect(20);
    assert_eq!(kinds(&other.json()), ["log-record-missing"]);

    let accepted = sandbox.run(&["check", "--accept-rollback", "--json"]).expect(0).json();
    assert!(accepted["accepted"]["snapshots"] == 1 && accepted["healthy"] == true, "{accepted:#}");
    for host in ["home", "other", "third"] {
        let check = on_host(&sandbox, host, &["check"]).expect(0);
        assert!(check.text().contains("loss-accepted"), "{}", check.describe());
    }
    sandbox.run(&["check"]).expect(0);
    back_up(&sandbox, 4);
    let nothing = sandbox.run(&["check", "--accept-rollback"]).expect(0);
    assert!(nothing.text().contains("nothing to accept"), "{}", nothing.describe());
}

#[test]
fn putting_the_newer_state_back_ends_the_alarm() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let (older, newer) = (sandbox.path("older"), sandbox.path("newer"));
    put(sandbox.repository(), &older);
    back_up(&sandbox, 2);
    put(sandbox.repository(), &newer);
    put(&older, sandbox.repository());
    sandbox.run(&["check"]).expect(20);
    put(&newer, sandbox.repository());
    sandbox.run(&["check"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
}

#[test]
fn a_snapshot_that_was_taken_away_is_named_by_every_host() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let second = back_up(&sandbox, 2);
    fs::remove_file(newest(&sandbox, "meta/snapshots")).unwrap();
    for host in ["home", "other"] {
        let check = on_host(&sandbox, host, &["check", "--json"]).expect(20).json();
        assert_eq!(kinds(&check), ["snapshot-vanished"]);
        assert_eq!(check["losses"][0]["snapshot"], *second);
        assert_eq!(check["problems"][0]["kind"], "snapshot-vanished");
    }
    sandbox.run(&["backup", "source"]).expect(20).says(&second);
    on_host(&sandbox, "other", &["check", "--accept-rollback"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.run(&["check"]).expect(0);
}

#[test]
fn a_snapshot_that_is_pending_again_is_named() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let (running, writer) =
        sandbox.start_with_pipe(&["backup", "--stdin", "stream", "--allow-empty", "--json"]);
    while sandbox.objects("meta/snapshots").len() < 2 {
        let ended = running.wait_for(Duration::from_millis(5));
        assert!(ended.is_none(), "it ended without its input: {ended:?}");
    }
    let object = newest(&sandbox, "meta/snapshots");
    let pending = fs::read(&object).unwrap();
    drop(writer);
    let done = running.wait().expect(0).json();
    let id = done["sources"][0]["snapshot"]["id"].as_str().unwrap().to_owned();
    sandbox.run(&["check"]).expect(0);
    fs::remove_file(&object).unwrap();
    fs::write(&object, pending).unwrap();
    let check = sandbox.run(&["check", "--json"]).expect(20).json();
    assert_eq!(
        (kinds(&check), &check["losses"][0]["snapshot"]),
        (vec!["snapshot-reverted"], &Value::from(id))
    );
    sandbox.run(&["snapshots"]).expect(20).says("incomplete again");
    for host in ["home", "other"] {
        on_host(&sandbox, host, &["ls", "stream@latest"]).expect(20).says("incomplete again");
        on_host(&sandbox, host, &["ls", "source@latest"]).expect(0).says("incomplete again");
    }
}

#[test]
fn the_end_of_the_log_is_missed_by_who_has_seen_it_and_then_by_all() {
    let sandbox = Sandbox::with_repository();
    for seed in 1..4 {
        back_up(&sandbox, seed);
    }
    fs::remove_file(newest(&sandbox, "meta/log")).unwrap();
    let first_sight = on_host(&sandbox, "other", &["check", "--json"]).expect(0).json();
    assert_eq!((&first_sight["snapshots_unnamed"], &first_sight["last_seen"]), (&1.into(), &Value::Null));
    let check = sandbox.run(&["check", "--json"]).expect(20).json();
    assert_eq!(kinds(&check), ["older-than-seen"]);
    sandbox.run(&["backup", "source"]).expect(20);
    let numbers: Vec<_> = sandbox.objects("meta/log");
    assert!(numbers.last().unwrap().ends_with("000004"), "a number is never used twice: {numbers:?}");
    let check = on_host(&sandbox, "third", &["check", "--json"]).expect(20).json();
    assert_eq!((kinds(&check), &check["snapshots_unnamed"]), (vec!["log-record-missing"], &0.into()));
}

#[test]
fn a_log_that_is_gone_is_missed_by_all() {
    let sandbox = Sandbox::with_repository();
    for seed in 1..4 {
        back_up(&sandbox, seed);
    }
    fs::remove_dir_all(sandbox.repository().join("meta/log")).unwrap();
    sandbox.run(&["check"]).expect(20);
    // The host has made later ones, so the first two were in the log.
    for _ in 0..2 {
        let check = on_host(&sandbox, "other", &["check"]).expect(20);
        assert_eq!(check.text().matches("log records were removed").count(), 2, "{}", check.describe());
        assert!(check.text().contains("1 snapshot is not in the remaining log"), "{}", check.describe());
    }
    on_host(&sandbox, "other", &["ls", "latest"]).expect(20);
    on_host(&sandbox, "other", &["backup", "source"]).expect(20);
    let check = on_host(&sandbox, "third", &["check", "--json"]).expect(20).json();
    assert_eq!((&check["snapshots_unnamed"], &check["log_records"]), (&0.into(), &1.into()));
    assert_eq!(kinds(&check), ["snapshot-unnamed", "snapshot-unnamed"]);
    on_host(&sandbox, "third", &["check", "--accept-rollback"]).expect(0);
    on_host(&sandbox, "other", &["check"]).expect(0);
    // The first host still misses what it has seen.
    sandbox.run(&["check"]).expect(20);
    sandbox.run(&["check", "--accept-rollback"]).expect(0);
    sandbox.run(&["check"]).expect(0);
}

#[test]
fn writers_vouch_for_each_other() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let own = newest(&sandbox, "meta/log");
    on_host(&sandbox, "other", &["backup", "source"]).expect(0);
    fs::remove_file(own).unwrap();
    let check = on_host(&sandbox, "third", &["check", "--json"]).expect(20).json();
    assert_eq!(kinds(&check), ["log-record-missing", "snapshot-unnamed"]);
}

#[test]
fn runs_at_once_share_the_log() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", bytes(1, 200_000));
    back_up(&sandbox, 1);
    let runs: Vec<_> = (0..4).map(|_| sandbox.start(&["backup", "source"])).collect();
    for run in runs {
        run.wait().expect(0);
    }
    assert_eq!(sandbox.objects("meta/log").len(), 5);
    for host in ["home", "other"] {
        let check = on_host(&sandbox, host, &["check", "--json"]).expect(0).json();
        assert_eq!((kinds(&check), &check["snapshots_unnamed"]), (vec![], &0.into()));
    }
}

#[test]
fn a_host_that_lost_its_memory_or_has_an_old_one_is_not_alarmed() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let old = sandbox.path("old-state");
    put(&sandbox.state(), &old);
    back_up(&sandbox, 2);
    // As if the machine was reset to an earlier image.
    put(&old, &sandbox.state());
    back_up(&sandbox, 3);
    sandbox.run(&["check"]).expect(0);
    sandbox.delete_state();
    back_up(&sandbox, 4);
    let check = sandbox.run(&["check", "--json"]).expect(0).json();
    assert_eq!((kinds(&check), &check["snapshots_unnamed"]), (vec![], &0.into()));
}

#[test]
fn a_memory_that_cannot_be_kept_or_read_never_stops_a_backup() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    sandbox.delete_state();
    fs::write(sandbox.state(), "a file").unwrap();
    sandbox.run(&["backup", "source"]).expect(0).says("failed to write this host's record");
    fs::remove_file(sandbox.state()).unwrap();
    sandbox.run(&["backup", "source"]).expect(0);
    let directory = sandbox.state().join("icecore/repositories");
    let file = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    let mut content = fs::read(&file).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&file, content).unwrap();
    sandbox.run(&["backup", "source"]).expect(0).says("a new record is started");
    let check = sandbox.run(&["check"]).expect(0);
    assert!(!check.stderr.contains("a new record is started"), "{}", check.describe());
}

#[test]
fn a_place_that_was_emptied_is_not_taken_for_a_new_one() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "content");
    let id = sandbox.json(&["backup", "--init", "source"])["repository"].as_str().unwrap().to_owned();
    fs::remove_dir_all(sandbox.repository()).unwrap();
    for emptied in [false, true] {
        if emptied {
            fs::create_dir(sandbox.repository()).unwrap();
        }
        sandbox.run(&["backup", "--init", "source"]).expect(10).says(&format!("--in-place-of {id}"));
        sandbox.run(&["init"]).expect(10).says(&id);
        let other = "00".repeat(16);
        sandbox.run(&["init", "--in-place-of", &other]).expect(10);
        assert!(sandbox.objects("").is_empty());
    }
    sandbox.run(&["backup", "--init", "source", "--in-place-of", &id]).expect(0);
    sandbox.run(&["check"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
}

#[test]
fn another_repository_at_the_place_is_noticed() {
    let sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let mut other = sandbox.command(&["backup", "--init", "source"]);
    other.env("ICECORE_REPOSITORY", sandbox.path("second"));
    run_command(other).expect(0);
    put(&sandbox.path("second"), sandbox.repository());
    let backup =
        sandbox.run(&["backup", "source", "--json"]).expect(20).says("a different repository is there now");
    assert_eq!(kinds(&backup.json()), ["other-repository"]);
    let check = sandbox.run(&["check", "--json"]).expect(20).json();
    assert_eq!((kinds(&check), &check["healthy"]), (vec!["other-repository"], &false.into()));
    sandbox.run(&["check", "--accept-rollback"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.run(&["check"]).expect(0);
}

#[test]
fn a_copy_beside_the_original_has_a_history_of_its_own() {
    let mut sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let (original, mirror) = (sandbox.repository().to_owned(), sandbox.path("mirror"));
    put(&original, &mirror);
    let second = back_up(&sandbox, 2);

    sandbox.use_repository(mirror.clone());
    let first_use = sandbox.run(&["check"]).expect(0).says("first use at this location").says(&second);
    assert!(!first_use.text().contains("ROLLED BACK"), "{}", first_use.describe());
    back_up(&sandbox, 3);
    let check = sandbox.run(&["check"]).expect(0);
    assert!(!check.describe().contains("first use at this location"), "{}", check.describe());

    sandbox.use_repository(original.clone());
    sandbox.run(&["check"]).expect(0);
    back_up(&sandbox, 4);
    // A rollback at either location is still noticed.
    put(&original, &sandbox.path("older"));
    let fifth = back_up(&sandbox, 5);
    put(&sandbox.path("older"), &original);
    assert!(sandbox.run(&["check"]).expect(20).text().contains(&fifth));
    sandbox.use_repository(mirror);
    sandbox.run(&["check"]).expect(0);
}

#[test]
fn a_repository_that_is_moved_keeps_its_protection() {
    let mut sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let older = sandbox.path("older");
    put(sandbox.repository(), &older);
    let second = back_up(&sandbox, 2);
    let moved = sandbox.path("moved");
    fs::rename(sandbox.repository(), &moved).unwrap();
    sandbox.use_repository(moved.clone());
    sandbox.run(&["snapshots"]).expect(0).says("first use at this location: nothing is missing");
    put(&older, &moved);
    assert!(sandbox.run(&["check"]).expect(20).text().contains(&second));
}

#[test]
fn a_new_machine_looks_at_the_log_before_it_believes_what_is_newest() {
    let sandbox = Sandbox::with_repository();
    let first = back_up(&sandbox, 1);
    let second = back_up(&sandbox, 2);
    sandbox.run(&["backup", "source", "--name", "etc"]).expect(0);
    let lost = sandbox.objects("meta/snapshots").into_iter().find(|key| is_of(key, &second)).unwrap();
    fs::remove_file(sandbox.repository().join(lost)).unwrap();
    let target = sandbox.path("target");
    let copy = sandbox.path("copy");
    let (to_target, to_copy) = (target.to_str().unwrap(), copy.to_str().unwrap());
    let commands: [&[&str]; 6] = [
        &["ls", "source@latest"],
        &["cat", "source@latest:file"],
        &["restore", "source@latest", "--target", to_target],
        &["restore", &first, "--incremental", "--target", to_target],
        &["diff", "source@latest", "etc@latest"],
        &["copy", "source@latest", "--to", to_copy, "--init"],
    ];
    for (number, command) in commands.into_iter().enumerate() {
        let host = format!("host{number}");
        let refused = on_host(&sandbox, &host, command).expect(20).says(&second).says("--ignore-rollback");
        assert!(refused.stdout.is_empty(), "{}", refused.describe());
    }
    assert!(!target.exists() && !copy.exists());
    let listed = on_host(&sandbox, "lister", &["snapshots"]).expect(20);
    assert!(listed.text().contains(&first), "{}", listed.describe());
    on_host(&sandbox, "lister", &["snapshots", "--ignore-rollback"]).expect(0).says(&second);
    // Named snapshots and those of another source are certain.
    on_host(&sandbox, "new", &["ls", &first]).expect(0).says(&second);
    on_host(&sandbox, "new", &["ls", "etc@latest"]).expect(0).says(&second);
    on_host(&sandbox, "new", &["ls", &second]).expect(20).says("is missing, or was changed");
    on_host(&sandbox, "new", &["ls", "source@2001-01-01"]).expect(1);
    for command in [commands[0], commands[1], commands[2], commands[4], commands[5]] {
        on_host(&sandbox, "new", &[command, &["--ignore-rollback"]].concat()).expect(0).says(&second);
    }
    let compared = on_host(&sandbox, "new", &[commands[4], &["--ignore-rollback"]].concat()).expect(0);
    let warnings: Vec<&str> = compared.stderr.lines().filter(|line| line.starts_with("warning")).collect();
    let different: std::collections::HashSet<&&str> = warnings.iter().collect();
    assert_eq!(different.len(), warnings.len(), "each is said once: {}", compared.describe());
    assert_eq!(fs::read(target.join("file")).unwrap(), bytes(1, 20_000));
    // A copy of everything that exists does no harm, but the user has to look.
    let all = on_host(&sandbox, "new", &["copy", "--to", to_copy, "--json"]).expect(20).json();
    assert_eq!(
        (&all["from_losses"][0]["snapshot"], all["snapshots"].as_array().unwrap().len()),
        (&second.into(), 2)
    );
    on_host(&sandbox, "new", &["copy", "--to", to_copy, "--ignore-rollback"]).expect(0);
    on_host(&sandbox, "new", &["check", "--accept-rollback"]).expect(0);
    for command in [commands[0], commands[1], commands[2]] {
        on_host(&sandbox, "last", command).expect(0);
    }
}

#[test]
fn a_record_that_cannot_be_read_may_have_named_the_newest_snapshot() {
    let sandbox = Sandbox::with_repository();
    let first = back_up(&sandbox, 1);
    back_up(&sandbox, 2);
    fs::remove_file(newest(&sandbox, "meta/snapshots")).unwrap();
    let record = newest(&sandbox, "meta/log");
    let content = fs::read(&record).unwrap();
    fs::remove_file(&record).unwrap();
    fs::write(&record, &content[1..]).unwrap();
    on_host(&sandbox, "other", &["ls", "latest"]).expect(20).says("cannot be read").says("--ignore-rollback");
    on_host(&sandbox, "other", &["ls", &first]).expect(0);
    on_host(&sandbox, "other", &["ls", "latest", "--ignore-rollback"]).expect(0);
}

#[test]
fn a_check_never_says_more_than_its_host_can_know() {
    let mut sandbox = Sandbox::with_repository();
    back_up(&sandbox, 1);
    let check = on_host(&sandbox, "other", &["check"]).expect(0);
    assert!(check.text().contains("first use on this host"), "{}", check.describe());
    let again = on_host(&sandbox, "other", &["check"]).expect(0);
    assert!(again.text().contains("an earlier rollback cannot be detected"), "{}", again.describe());
    let document = |output: Output| output.json();
    let [one, two] = [(); 2].map(|()| document(on_host(&sandbox, "other", &["check", "--json"]).expect(0)));
    assert!(one["first_seen"].is_string() && one["first_seen"] == two["first_seen"], "{one:#} {two:#}");
    assert_ne!(one["last_seen"], two["last_seen"]);
    // A copy at another location is not the first use of the repository.
    let mirror = sandbox.path("mirror");
    put(sandbox.repository(), &mirror);
    sandbox.use_repository(mirror);
    let check = sandbox.run(&["check"]).expect(0);
    assert!(check.text().contains("first use at this location: nothing is missing"), "{}", check.describe());
    assert!(!check.text().contains("first use on this host"), "{}", check.describe());
}

#[test]
fn a_snapshot_that_is_damaged_is_not_passed_over() {
    let sandbox = Sandbox::with_repository();
    let first = back_up(&sandbox, 1);
    back_up(&sandbox, 2);
    let object = newest(&sandbox, "meta/snapshots");
    let whole = fs::read(&object).unwrap();
    let mut damaged = whole.clone();
    damaged[40] ^= 1;
    for content in [damaged, Vec::new()] {
        fs::write(&object, content).unwrap();
        for host in ["", "new-1"] {
            let run = |arguments: &[&str]| match host {
                "" => sandbox.run(arguments),
                host => on_host(&sandbox, host, arguments),
            };
            run(&["ls", "latest"]).expect(20).says("is damaged; no snapshot was read");
            run(&["restore", "latest", "--target", "restored"]).expect(20);
            assert!(!sandbox.path("restored").exists());
            run(&["ls", &first]).expect(0);
            run(&["ls", "latest", "--ignore-rollback"]).expect(0);
        }
        let check = sandbox.run(&["check", "--json"]).expect(20).json();
        let newest = &check["newest_restorable"][0];
        assert_eq!(
            (newest["id"].as_str(), newest["newer_damaged"].as_u64()),
            (Some(first.as_str()), Some(1))
        );
        let text = sandbox.run(&["check"]).expect(20).text().to_owned();
        assert!(text.contains("newest snapshot of each source that can be restored in full"), "{text}");
    }
    // A damaged snapshot that is older than the wanted one changes nothing.
    fs::write(&object, whole).unwrap();
    let oldest = sandbox.repository().join(&sandbox.objects("meta/snapshots")[0]);
    fs::write(&oldest, b"").unwrap();
    sandbox.run(&["ls", "latest"]).expect(0);
}
