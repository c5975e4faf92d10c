//! Limits of the system for this process: memory, open files, the size of a file. A limit that is too low is
//! reported, and never mistaken for damage.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{Output, Sandbox, assert_same, bytes, is_root, read, run_command, skip};

/// Runs the program in a shell that has set a limit first.
fn run_limited(sandbox: &Sandbox, limit: &str, arguments: &[&str]) -> Output {
    let inner = sandbox.command(arguments);
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.env_clear().current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    run_command(command)
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_repository();
    sandbox.write("large", bytes(1, 8 << 20));
    for number in 0..200 {
        sandbox.write(&format!("small/{number}"), bytes(number + 2, 10_000));
    }
    sandbox.backup(&[]);
    sandbox
}

#[test]
fn little_memory_is_enough_or_too_little_and_never_the_end() {
    let sandbox = sandbox();
    let source = sandbox.source("").display().to_string();
    let target = sandbox.path("target").display().to_string();
    for kib in [60_000, 200_000, 300_000, 400_000, 600_000, 1_000_000] {
        let limit = format!("-v {kib}");
        for arguments in [
            &["backup", source.as_str(), "--level", "full"][..],
            &["restore", "latest", "--target", target.as_str()],
            &["check", "--read-data"],
            &["snapshots"],
        ] {
            let output = run_limited(&sandbox, &limit, arguments).expect_any(&[0, 1]);
            if !output.stderr.contains("not enough memory") {
                output.expect(0);
            }
        }
    }
    run_limited(&sandbox, "-v 1000000", &["restore", "latest", "--target", &target]).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("target")));
    sandbox.check_all_data();
}

#[test]
fn memory_for_a_password_is_no_matter_of_the_key_slot() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ICECORE_PASSWORD", "secret");
    let told = "not enough memory to derive the key from the password: it takes 256 MiB";
    run_limited(&sandbox, "-v 300000", &["init"]).expect(1).says(told);
    sandbox.run(&["init"]).expect(0);
    run_limited(&sandbox, "-v 260000", &["snapshots"]).expect(1).says(told);
    sandbox.run(&["snapshots"]).expect(0);
}

#[test]
fn few_open_files_are_enough_or_too_few() {
    let sandbox = sandbox();
    let source = sandbox.source("").display().to_string();
    for arguments in
        [&["backup", source.as_str(), "--level", "full"][..], &["check", "--read-data"], &["snapshots"]]
    {
        for limit in ["-n 16", "-n 24"] {
            run_limited(&sandbox, limit, arguments).expect(1).says("too few open files are allowed");
        }
        run_limited(&sandbox, "-n 64", arguments).expect(0);
    }
    let target = sandbox.path("target").display().to_string();
    run_limited(&sandbox, "-n 64", &["restore", "latest", "--target", &target]).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("target")));
}

#[test]
fn a_limit_of_file_sizes_is_an_error_and_loses_nothing() {
    let sandbox = sandbox();
    sandbox.write("larger", bytes(5, 20 << 20));
    let source = sandbox.source("").display().to_string();
    run_limited(&sandbox, "-f 4096", &["backup", &source]).expect(1).says("File too large").says("ulimit -f");
    sandbox.check_all_data();
    sandbox.backup(&[]);
    sandbox.check_all_data();
}

#[test]
fn what_is_no_object_is_ignored_and_named() {
    let sandbox = sandbox();
    let pack = sandbox.repository().join(sandbox.objects("data").pop().unwrap());
    let aside = sandbox.path("pack");
    symlink("/etc/passwd", pack.with_file_name("link")).unwrap();
    fs::write(sandbox.repository().join("data/stray"), "x").unwrap();
    let output = sandbox.run(&["check"]).expect(0).says("link (a symbolic link)");
    assert!(output.describe().contains("foreign-object data/stray"), "{}", output.describe());
    sandbox.backup(&["--level", "full"]);
    // A pack that was replaced by a link is not followed: it is missing.
    fs::rename(&pack, &aside).unwrap();
    symlink(&aside, &pack).unwrap();
    sandbox.run(&["check"]).expect(20).says("(a symbolic link)");
    fs::rename(&aside, &pack).unwrap();
    sandbox.check_all_data();
}

#[test]
fn the_doctor_tries_to_write() {
    let sandbox = sandbox();
    let output = sandbox.run(&["doctor"]).expect(0);
    assert!(output.text().contains("files can be created, replaced and deleted"), "{}", output.describe());
    let names = fs::read_dir(sandbox.repository()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with("probe")));
}

/// A bind mount, which is removed at the end of the test.
struct BindMount(PathBuf);

impl BindMount {
    fn read_only(of: &Path, at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mount = |words: &[&str], paths: &[&Path]| {
            Command::new("mount").args(words).args(paths).status().is_ok_and(|status| status.success())
        };
        if !is_root() || !mount(&["--bind"], &[of, &at]) {
            skip("directories cannot be mounted here");
            return None;
        }
        let mounted = Self(at);
        assert!(mount(&["-o", "remount,ro,bind"], &[&mounted.0]));
        Some(mounted)
    }
}

impl Drop for BindMount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

#[test]
fn a_repository_that_cannot_be_written_is_bad_and_can_be_restored_from() {
    let mut sandbox = sandbox();
    let Some(mounted) = BindMount::read_only(sandbox.repository(), sandbox.path("mounted")) else { return };
    sandbox.use_repository(mounted.0.clone());
    let output = sandbox.run(&["doctor"]).expect(1);
    let text = output.text();
    assert!(text.contains("is read-only; restores are possible, backups are not"), "{}", output.describe());
    let document = sandbox.run(&["doctor", "--json"]).expect(1).json();
    assert_eq!(document["healthy"], false);
    let target = sandbox.path("target").display().to_string();
    sandbox.run(&["restore", "latest", "--target", &target]).expect(0);
}
