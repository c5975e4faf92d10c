//! Changes of keys: no message makes a user delete the only key, and no job fails because it lacks a key.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
};

use crate::harness::{Output, Sandbox, check_tool, is_root, run_command, skip, succeed};

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Runs `snapshots` without any key, like a job that relies on the key file that commands find by themselves.
fn job(sandbox: &Sandbox) -> Output {
    sandbox.run(&["snapshots"])
}

#[test]
fn a_key_file_that_opens_is_never_said_to_open_nothing() {
    let sandbox = Sandbox::with_repository();
    let (generated, safe) = (text(&sandbox.key_file()), text(&sandbox.path("safe.key")));
    fs::rename(&generated, &safe).unwrap();
    let changed = sandbox
        .run(&["key", "passwd", "--key-file", &safe, "--new-key-file", &generated])
        .expect(0)
        .says(&format!("{safe} no longer unlocks the repository"));
    assert!(!changed.stderr.contains(&format!("{generated} no longer unlocks")), "{}", changed.describe());
    assert!(!changed.text().contains("no longer unlocks"), "{}", changed.describe());
    job(&sandbox).expect(0);
    sandbox.run(&["snapshots", "--key-file", &safe]).expect(12);
}

#[test]
fn jobs_find_the_new_key_after_a_change_into_another_file() {
    let sandbox = Sandbox::with_repository();
    let generated = text(&sandbox.key_file());
    let document = sandbox.json(&["key", "passwd", "--new-key-file", "new.key"]);
    job(&sandbox).expect(0);
    sandbox.run(&["snapshots", "--key-file", "new.key"]).expect(0);
    let [moved] = document["moved"].as_array().unwrap().as_slice() else { panic!("{document:#}") };
    assert_eq!(
        (moved["key_file"].as_str(), moved["holds_new_key"].as_bool()),
        (Some(&*generated), Some(true))
    );
    let kept = moved["kept_as"].as_str().unwrap();
    assert!(kept.starts_with(&format!("{generated}.old-")), "{kept}");
    sandbox.run(&["snapshots", "--key-file", kept]).expect(12);
    // Again, on the same day.
    let again = sandbox.run(&["key", "passwd", "--new-key-file", "newer.key"]).expect(0);
    assert!(again.text().contains(&format!("{generated} now contains the new key")), "{}", again.describe());
    job(&sandbox).expect(0);
    assert_eq!(sandbox.json(&["key", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_password_in_place_of_the_key_file_is_not_hidden_by_the_old_file() {
    let sandbox = Sandbox::with_repository();
    let generated = sandbox.key_file();
    fs::write(sandbox.path("password"), "correct horse").unwrap();
    sandbox
        .run(&["key", "passwd", "--new-password-file", "password"])
        .expect(0)
        .says("ask for the new password");
    assert!(!generated.exists());
    job(&sandbox).expect(12).says("no key or password is given");
    sandbox.run(&["snapshots", "--password-file", "password"]).expect(0);
    // And back: the message names the source of the password.
    let back = ["key", "passwd", "--password-file", "password", "--new-key-file", &text(&generated)];
    sandbox.run(&back).expect(0).says("on the command line");
    job(&sandbox).expect(0);
}

#[test]
fn the_key_file_of_the_configuration_is_replaced_and_that_of_the_environment_is_named() {
    let mut sandbox = Sandbox::new();
    let configured = text(&sandbox.path("configured.key"));
    fs::write(sandbox.path("icecore.toml"), format!("key-file = {configured:?}\n")).unwrap();
    sandbox.set("ICECORE_CONFIG", &text(&sandbox.path("icecore.toml")));
    sandbox.run(&["init"]).expect(0);
    fs::set_permissions(&configured, fs::Permissions::from_mode(0o640)).unwrap();
    sandbox.run(&["key", "passwd", "--new-key-file", "new.key"]).expect(0);
    job(&sandbox).expect(0);
    assert_eq!(fs::metadata(&configured).unwrap().permissions().mode() & 0o777, 0o640);
    let other = text(&sandbox.path("environment.key"));
    fs::copy(&configured, &other).unwrap();
    let mut command = sandbox.command(&["key", "passwd", "--new-key-file", "third.key"]);
    command.env("ICECORE_KEY_FILE", &other);
    run_command(command)
        .expect(0)
        .says(&format!("{other} no longer unlocks the repository"))
        .says("in the environment");
    job(&sandbox).expect(0);
}

#[test]
fn a_key_is_not_changed_if_jobs_would_not_find_the_new_one() {
    if !is_root() {
        return skip("root can forbid another user to write");
    }
    let mut sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("etc")).unwrap();
    let configured = text(&sandbox.path("etc/configured.key"));
    fs::write(sandbox.path("icecore.toml"), format!("key-file = {configured:?}\n")).unwrap();
    sandbox.set("ICECORE_CONFIG", &text(&sandbox.path("icecore.toml")));
    sandbox.run(&["init"]).expect(0);
    fs::set_permissions(&configured, fs::Permissions::from_mode(0o444)).unwrap();
    succeed(Command::new("chown").args(["-R", "65534"]).arg(sandbox.repository()));
    let new = text(&sandbox.path("home/new.key"));
    let refused = sandbox.command_as_nobody(&["key", "passwd", "--new-key-file", &new]);
    run_command(refused).expect(1).says(&configured).says("the key was not changed");
    assert!(!Path::new(&new).exists(), "a key file that opens nothing");
    assert_eq!(job(&sandbox).expect(0).code, Some(0));
    assert_eq!(sandbox.json(&["key", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_removed_slot_says_what_it_leaves_without_a_key() {
    let sandbox = Sandbox::with_repository();
    let generated = text(&sandbox.key_file());
    sandbox.run(&["key", "add", "--new-key-file", "second.key"]).expect(0);
    let list = sandbox.json(&["key", "list"]);
    let used: Vec<_> = list.as_array().unwrap().iter().filter(|slot| slot["in_use"] == true).collect();
    assert_eq!((used.len(), used[0]["label"].as_str()), (1, Some("first key")));
    let shown = sandbox.run(&["key", "list", "--key-file", "second.key"]).expect(0);
    let marked: Vec<_> = shown.text().lines().filter(|line| line.contains("in use")).collect();
    assert!(marked.len() == 1 && !marked[0].contains("first key"), "{}", shown.describe());
    let first = used[0]["id"].as_str().unwrap();
    sandbox
        .run(&["key", "remove", first])
        .expect(0)
        .says("no longer unlocks the repository")
        .says(&generated);
    job(&sandbox).expect(12).says(&generated);
}

#[test]
fn nobody_is_asked_for_a_password_that_cannot_exist() {
    if !check_tool("script") {
        return;
    }
    let sandbox = Sandbox::with_repository();
    let generated = sandbox.key_file();
    let moved = sandbox.path("elsewhere.key");
    fs::rename(&generated, &moved).unwrap();
    // With a terminal for asking for a password.
    let log = sandbox.path("terminal");
    let mut terminal = Command::new("sh");
    terminal.args(["-c", "log=$1; shift; exec script -qec \"$*\" \"$log\"", "sh"]).arg(&log);
    let command = sandbox.through(terminal, &["snapshots"]);
    run_command(command).expect(12);
    let shown = fs::read_to_string(&log).unwrap();
    assert!(!shown.contains("Password"), "{shown}");
    assert!(shown.contains(&text(&generated)), "{shown}");
}

#[test]
fn where_the_key_file_of_another_user_may_be_is_named() {
    if !is_root() || fs::metadata("/root").is_ok_and(|root| root.permissions().mode() & 0o001 != 0) {
        return skip("needs a home directory of root's that others cannot look into");
    }
    // Another user looks for root's key file: it is not visible, but its path is known.
    let sandbox = Sandbox::with_repository();
    succeed(Command::new("chown").args(["-R", "65534"]).arg(sandbox.repository()));
    fs::remove_dir_all(sandbox.path("home/config")).unwrap();
    run_command(sandbox.command_as_nobody(&["snapshots"])).expect(12).says("/root/.config/icecore/keys/");
}

#[test]
fn what_root_writes_into_a_users_repository_is_the_users() {
    if !is_root() {
        return skip("files can be given away by root only");
    }
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    fs::set_permissions(sandbox.path("source"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(sandbox.repository()).unwrap();
    chown(sandbox.repository(), Some(65534), Some(65534)).unwrap();
    run_command(sandbox.command_as_nobody(&["backup", "--init", "source"])).expect(0);
    sandbox.write("new", vec![7; 300_000]);
    sandbox.backup(&[]);
    sandbox.backup(&["--level", "full"]);
    sandbox.run(&["key", "add", "--new-key-file", "second.key"]).expect(0);
    sandbox.run(&["check", "--read-data"]).expect(0);
    for words in [
        &["backup", "source"][..],
        &["check", "--read-data"],
        &["restore", "latest", "--target", "home/restored"],
        &["key", "list"],
    ] {
        // With its own catalogue, because the other belongs to root.
        let mut command = sandbox.command_as_nobody(words);
        command.env("ICECORE_CACHE_DIR", sandbox.path("home/own-cache"));
        command.env("XDG_STATE_HOME", sandbox.path("home/own-state"));
        run_command(command).expect(0);
    }
}
