//! The main steps of the README, every command once, and the exit codes.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Sandbox, assert_same, bytes, is_root, read, run_command, skip, text};

/// Fills the source with typical content of every kind.
fn fill(sandbox: &Sandbox) {
    sandbox.write("fstab", "none / tmpfs\n");
    sandbox.write("ssh/sshd_config", text(1, 3000));
    sandbox.write("data/random.bin", bytes(2, 700_000));
    sandbox.write("data/log", text(3, 2_000_000));
    sandbox.write("empty", "");
    symlink("ssh/sshd_config", sandbox.source("link")).unwrap();
    fs::set_permissions(sandbox.source("ssh"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn first_backup_makes_the_repository_and_restore_brings_all_back() {
    let sandbox = Sandbox::new();
    fill(&sandbox);
    let before = read(&sandbox.source(""));
    let source = sandbox.source("");
    let output =
        sandbox.run(&["backup", "--init", "--repository", "./demo", source.to_str().unwrap()]).expect(0);
    let key_file = sandbox.key_file();
    assert!(
        output.text().contains(key_file.to_str().unwrap()),
        "the key file is not named: {}",
        output.describe()
    );
    assert!(output.text().contains("KEEP A COPY"), "{}", output.describe());
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.run(&["restore", "--repository", "./demo", "latest", "--target", "restored"]).expect(0);
    assert_same(&before, &read(&sandbox.path("restored")));
    // A backup changes nothing in the source, not even times of change.
    let changed =
        |tree: &crate::harness::Tree| tree.values().map(|object| object.changed).collect::<Vec<_>>();
    assert_eq!(changed(&before), changed(&read(&source)));
    // The demonstration can be repeated.
    sandbox.run(&["backup", "--init", "--repository", "./demo", source.to_str().unwrap()]).expect(0);
}

const DOCUMENT: &str = include_str!("../../docs/json.md");

/// Fails unless `document`, an object, has exactly the keys `expected`; those that end with `?` are optional.
/// All of them must be in the documentation.
#[track_caller]
pub(crate) fn assert_keys(document: &Value, expected: &str) {
    let found: BTreeSet<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let (optional, required): (Vec<&str>, Vec<&str>) =
        expected.split_whitespace().partition(|key| key.ends_with('?'));
    let required: BTreeSet<&str> = required.into_iter().collect();
    let allowed: BTreeSet<&str> =
        required.iter().copied().chain(optional.iter().map(|key| key.trim_end_matches('?'))).collect();
    for key in &allowed {
        assert!(DOCUMENT.contains(&format!("`{key}`")), "docs/json.md does not mention {key}");
    }
    let missing: Vec<_> = required.difference(&found).collect();
    let more: Vec<_> = found.difference(&allowed).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "missing {missing:?}, undocumented {more:?}: {document:#}"
    );
}

const SNAPSHOT_KEYS: &str = "id run source host root root_base64? command time finished level dedup group base tags note hold \
    program copy_of partial errors entries files bytes files_new files_changed files_unchanged bytes_read bytes_new \
    bytes_stored chunks_read chunks_new duration_seconds damaged files_damaged damage_noted sequence clock?";
const DONE_KEYS: &str = "path path_base64? source snapshot level dedup base entries files bytes files_new files_changed \
    files_unchanged files_read entries_removed excluded vanished bytes_read bytes_new bytes_deduplicated \
    bytes_compressed bytes_stored chunks_read chunks_new seconds_read seconds problem_count problems notices error";
const ENTRY_KEYS: &str = "path path_base64? kind mode user_id group_id user group size modified inode target? \
    target_base64? device? hard_link flags? marks?";
const RESTORE_KEYS: &str = "snapshot source path path_base64? target since dry_run trust_times verified entries files bytes files_written \
    directories_created symlinks_created specials_created links_created already_right files_not_compared metadata_fixed replaced deleted \
    not_included skipped forgotten bytes_written bytes_reused bytes_fetched bytes_compared problem_count damaged archived \
    archived_packs problems warnings notices seconds_restore seconds_sync actions? deleted_entries kept";

#[test]
fn making_commands_write_the_documented_json() {
    let sandbox = Sandbox::new();
    fill(&sandbox);
    let created = sandbox.json(&["init", "--label", "laptop"]);
    assert_keys(&created, "repository location credential key_file key_file_generated");
    assert_eq!((&created["credential"], &created["key_file_generated"]), (&"key-file".into(), &true.into()));
    let backup = sandbox.json(&["backup", "source", "--tag", "plan=daily"]);
    assert_keys(&backup, "repository location created dry_run losses sources");
    let source = &backup["sources"][0];
    assert_keys(source, DONE_KEYS);
    assert_keys(&source["snapshot"], SNAPSHOT_KEYS);
    assert_eq!(source["snapshot"]["tags"]["plan"], "daily");
    assert_eq!((source["level"].as_str(), source["files"].as_u64()), (Some("full"), Some(5)));
    let failed = sandbox.run(&["backup", "nothing-here", "--json"]).expect(1).json();
    assert_keys(&failed["sources"][0], "path source error");
    assert_keys(&failed["sources"][0]["error"], "message hint code");
    let dry = sandbox.json(&["backup", "source", "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["sources"][0]["snapshot"]), (&true.into(), &Value::Null));
    assert_eq!(sandbox.snapshots().len(), 1, "a dry run made a snapshot");
    let restored = sandbox.restore("latest", "restored", &[]);
    assert_keys(&restored, RESTORE_KEYS);
    let dry = sandbox.restore("latest", "not-there", &["--dry-run"]);
    assert_keys(&dry, RESTORE_KEYS);
    assert_keys(&dry["actions"][0], "action path path_base64?");
    assert!(!sandbox.path("not-there").exists(), "a dry run made the target");
    let check = sandbox.json(&["check", "--sample", "100%"]);
    assert_keys(
        &check,
        "healthy first_seen last_seen log_records snapshots_unnamed losses accepted snapshots newest_restorable packs_hit problems packs packs_condemned bytes blocks \
         chunks nodes packs_read packs_verified packs_left packs_archived bytes_archived \
         bytes_read repair next_commands",
    );
    let newest = &check["newest_restorable"][0];
    assert_keys(newest, "source host id run time newer_damaged newer_missing");
    assert_eq!(newest["id"], check["snapshots"][0]["id"]);
    let snapshot = &check["snapshots"][0];
    assert_keys(snapshot, "id run source restorable files_damaged examples packs_damaged files_marked");
    // A failure is also a JSON document.
    let failure = sandbox.run(&["snapshots", "-r", "nowhere", "--json"]).expect(10);
    let line: Value = serde_json::from_str(failure.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(line["error"]["code"], 10, "{}", failure.describe());
}

#[test]
fn looking_commands_show_what_is_there() {
    let sandbox = Sandbox::with_repository();
    fill(&sandbox);
    sandbox.backup(&["--name", "etc"]);
    sandbox.write("fstab", "another\n");
    fs::remove_file(sandbox.source("empty")).unwrap();
    sandbox.write("new", "new");
    sandbox.backup(&["--name", "etc", "--tag", "plan=weekly"]);
    let list = sandbox.json(&["snapshots", "--source", "etc"]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_keys(&list[1], SNAPSHOT_KEYS);
    assert_eq!(sandbox.json(&["snapshots", "--tag", "plan=weekly"]).as_array().unwrap().len(), 1);
    assert_eq!(sandbox.json(&["snapshots", "--source", "none"]), Value::Array(Vec::new()));
    let top = sandbox.json(&["ls", "etc@latest"]);
    let paths: Vec<&str> =
        top.as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["data", "fstab", "link", "new", "ssh"]);
    assert_keys(&top[2], ENTRY_KEYS);
    assert_eq!(top[2]["target"], "ssh/sshd_config");
    let all = sandbox.run(&["ls", "latest", "--recursive", "--long"]).expect(0);
    assert!(all.text().contains("ssh/sshd_config"), "{}", all.describe());
    let first = sandbox.snapshots()[0].clone();
    let old = sandbox.run(&["cat", &format!("{first}:fstab")]).expect(0);
    let (listed, read) =
        (sandbox.json(&["ls", &format!("{first}:fstab")]), sandbox.json(&["cat", &format!("{first}:fstab")]));
    assert!(listed[0]["user"].is_string(), "{listed:#}");
    assert_eq!((&read["user"], &read["group"]), (&listed[0]["user"], &listed[0]["group"]));
    assert_eq!(old.stdout, b"none / tmpfs\n");
    assert_eq!(sandbox.run(&["cat", "etc@latest:data/random.bin"]).expect(0).stdout, bytes(2, 700_000));
    let diff = sandbox.json(&["diff", "latest~1", "latest"]);
    assert_keys(&diff[0], "change what path path_base64? old new");
    let changes: Vec<(&str, &str)> = diff.as_array().unwrap().iter().map(change_of).collect();
    let expected = [("modified", ""), ("deleted", "empty"), ("modified", "fstab"), ("added", "new")];
    assert_eq!(changes, expected);
    // Parts: one directory, one file.
    sandbox.restore("latest:ssh", "ssh", &[]);
    assert_eq!(fs::read(sandbox.path("ssh/sshd_config")).unwrap(), text(1, 3000));
    sandbox.restore("latest~1:fstab", "one", &[]);
    assert_eq!(fs::read(sandbox.path("one/fstab")).unwrap(), b"none / tmpfs\n");
}

fn change_of(change: &Value) -> (&str, &str) {
    (change["change"].as_str().unwrap(), change["path"].as_str().unwrap())
}

#[test]
fn keys_come_and_go() {
    let sandbox = Sandbox::with_repository();
    let generated = sandbox.key_file();
    let added = sandbox.json(&["key", "add", "--new-key-file", "second.key", "--label", "safe"]);
    assert_keys(&added, "added key_file removed moved");
    let list = sandbox.json(&["key", "list"]);
    assert_keys(&list[0], "id kind kms_key label created memory_kib passes lanes in_use damage");
    assert_eq!(list.as_array().unwrap().len(), 2);
    let first = list.as_array().unwrap().iter().find(|slot| slot["label"] == "first key").unwrap();
    let removed = sandbox.json(&["key", "remove", first["id"].as_str().unwrap(), "--key-file", "second.key"]);
    assert_eq!(removed["removed"][0], first["id"]);
    let generated = generated.to_str().unwrap();
    sandbox.run(&["snapshots", "--key-file", generated]).expect(12);
    sandbox.run(&["snapshots", "--key-file", "second.key"]).expect(0);
    let second = added["added"].as_str().unwrap();
    sandbox.run(&["key", "remove", second, "--key-file", "second.key"]).expect(1).says("only key slot");
    sandbox.run(&["key", "passwd", "--key-file", "second.key", "--new-key-file", "third.key"]).expect(0);
    sandbox.run(&["snapshots", "--key-file", "second.key"]).expect(12);
    sandbox.run(&["snapshots", "--key-file", "third.key"]).expect(0);
}

#[test]
fn a_password_from_each_source_opens_the_repository() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("password"), "correct horse\n").unwrap();
    sandbox.run(&["init", "--password-file", "password"]).expect(0);
    sandbox.run(&["snapshots", "--password-command", "echo correct horse"]).expect(0);
    let mut command = sandbox.command(&["snapshots"]);
    command.env("ICECORE_PASSWORD", "correct horse");
    run_command(command).expect(0);
    let wrong = sandbox.run(&["snapshots", "--password-command", "echo battery staple"]).expect(12);
    assert!(!wrong.stderr.contains("staple"), "the password is shown: {}", wrong.describe());
}

#[test]
fn every_object_that_cannot_be_read_is_a_line_of_progress() {
    if !is_root() {
        return skip("root can forbid another user to read");
    }
    let sandbox = Sandbox::new();
    let names: BTreeSet<String> = (0..50).map(|number| format!("secret-{number:02}")).collect();
    for name in &names {
        sandbox.write(name, "x");
        fs::set_permissions(sandbox.source(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let words = ["backup", "--init", "--repository", "home/repository", "source", "--progress", "json"];
    let backup = run_command(sandbox.command_as_nobody(&words)).expect(3);
    let lines = backup.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let problems = lines.filter_map(|line| Some(line.get("problem")?.clone()));
    let found: Vec<Value> =
        problems.inspect(|problem| assert_keys(problem, "source kind path message")).collect();
    let paths = found.iter().map(|problem| problem["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!((found.len(), names), (50, paths));
}

#[test]
fn texts_that_cannot_be_written_are_failures() {
    let sandbox = Sandbox::new();
    let run = |script: &str, words: &[&str]| {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        run_command(sandbox.through(shell, words))
    };
    for words in [
        &["--help"][..],
        &["--version"],
        &["backup", "--help"],
        &["help", "restore"],
        &["man"],
        &["completions", "bash"],
    ] {
        run("exec \"$@\" > /dev/full", words).expect(1).says("failed to write to standard output");
        run("exec \"$@\" >&-", words).expect(1).says("failed to write to standard output");
        run("exec \"$@\" > /dev/null", words).expect(0);
        let closed = run("{ \"$@\"; echo $? >&2; } | true", words).expect(0);
        assert_eq!(closed.stderr, "0\n", "{}", closed.describe());
    }
    run("exec \"$@\" 2> /dev/full", &["--no-such-option"]).expect(2);
}

#[test]
fn commands_without_a_repository_write_their_texts() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(!sandbox.run(&["completions", shell]).expect(0).stdout.is_empty());
    }
    assert!(sandbox.run(&["man"]).expect(0).text().contains(".TH"));
    sandbox.run(&["man", "--directory", "pages"]).expect(0);
    assert!(sandbox.path("pages/icecore-backup.1").exists());
    let help = sandbox.run(&["--help"]).expect(0);
    for command in
        ["init", "backup", "snapshots", "ls", "cat", "diff", "restore", "check", "key", "completions", "man"]
    {
        assert!(
            help.text().contains(&format!("  {command} ")),
            "{command} is not listed: {}",
            help.describe()
        );
        sandbox.run(&[command, "--help"]).expect(0);
    }
    sandbox.run(&["--version"]).expect(0);
}

#[test]
fn streams_become_snapshots_unless_their_command_fails() {
    let sandbox = Sandbox::with_repository();
    let dump = text(9, 3_000_000);
    sandbox.run_with_input(&["backup", "--stdin", "dump.sql"], &dump).expect(0);
    assert_eq!(sandbox.run(&["cat", "dump.sql@latest:dump.sql"]).expect(0).stdout, dump);
    sandbox.run(&["backup", "--command", "list", "--", "echo", "one two"]).expect(0);
    sandbox.restore("list@latest", "streams", &[]);
    assert_eq!(fs::read(sandbox.path("streams/list")).unwrap(), b"one two\n");
    sandbox.run(&["backup", "--command", "bad", "--", "sh", "-c", "echo half; exit 7"]).expect(1).says("7");
    sandbox.run(&["backup", "--command", "gone", "--", "/nonexistent/program"]).expect(1);
    assert_eq!(sandbox.snapshots().len(), 2);
    sandbox.check_all_data();
}

#[test]
fn each_exit_code_means_what_is_written() {
    let sandbox = Sandbox::new();
    sandbox.run(&["snapshots"]).expect(10);
    sandbox.run(&["frobnicate"]).expect(2);
    sandbox.run(&["restore", "latest"]).expect(2);
    sandbox.run(&["init"]).expect(0);
    sandbox.run(&["init"]).expect(1);
    sandbox.write("file", bytes(5, 100_000));
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.run(&["ls", "latest:not-there"]).expect(1);
    sandbox.run(&["cat", "not-there@latest:file"]).expect(1);
    sandbox.run(&["restore", "latest:not-there", "--target", "t"]).expect(1);
    let other = Sandbox::with_repository();
    sandbox.run(&["snapshots", "--key-file", other.key_file().to_str().unwrap()]).expect(12);
    unreadable_source(&sandbox);
    let pack = &sandbox.objects("data")[0];
    fs::remove_file(sandbox.repository().join(pack)).unwrap();
    sandbox.run(&["check"]).expect(20);
    sandbox.run(&["restore", "latest", "--target", "damaged"]).expect(20);
}

/// Shows code 3, if a file can be made unreadable for the user of the program.
fn unreadable_source(sandbox: &Sandbox) {
    sandbox.write("secret", "secret");
    fs::set_permissions(sandbox.source("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    if is_root() {
        // Root reads everything; the module `changing` tests another user.
        return;
    }
    sandbox.run(&["backup", "source"]).expect(3);
}

#[test]
fn a_signal_ends_a_stream_that_waits_for_its_input() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::with_repository();
        let (running, writer) = sandbox.start_with_pipe(&["backup", "--stdin", "never"]);
        wait_until_exists(&sandbox, &running);
        running.signal(signal);
        running.wait().expect(130);
        drop(writer);
        let running = sandbox.start(&["backup", "--command", "long", "--", "sleep", "1000"]);
        wait_until_exists(&sandbox, &running);
        running.signal(signal);
        running.wait().expect(130);
        assert!(sandbox.snapshots().is_empty());
        sandbox.run(&["backup", "source"]).expect(0);
        sandbox.check_all_data();
    }
}

/// Waits until the run has registered itself in the repository.
fn wait_until_exists(sandbox: &Sandbox, running: &crate::harness::Running) {
    let directory = sandbox.repository().join("meta/snapshots");
    let number = |path: &Path| fs::read_dir(path).map_or(0, Iterator::count);
    let before = number(&directory);
    for _ in 0..500 {
        if number(&directory) > before {
            return;
        }
        let ended = running.wait_for(Duration::from_millis(10));
        assert!(ended.is_none(), "{}", ended.unwrap().describe());
    }
    panic!("the run does not register itself");
}
