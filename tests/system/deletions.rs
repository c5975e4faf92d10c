//! Which files `restore --delete` removes, which it keeps, and when it asks.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::harness::{Sandbox, bytes, is_root, skip, succeed};

/// A mount that ends with the test.
struct Mounted(PathBuf);

impl Mounted {
    fn bind(from: &Path, to: &Path) -> Self {
        succeed(Command::new("mount").arg("--bind").args([from, to]));
        Self(to.to_owned())
    }

    fn memory(to: &Path) -> Self {
        succeed(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(to));
        Self(to.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        succeed(Command::new("umount").arg(&self.0));
    }
}

/// Returns the number of objects that were left alone for this reason.
fn kept(report: &Value, reason: &str) -> u64 {
    let kept = report["kept"].as_array().unwrap().iter().find(|kept| kept["reason"] == reason);
    kept.map_or(0, |kept| kept["count"].as_u64().unwrap())
}

const IN_PLACE: [&str; 4] = ["restore", "source@latest", "--in-place", "--delete"];

#[test]
fn the_repository_and_all_that_the_program_needs_survive() {
    let mut sandbox = Sandbox::new();
    sandbox.write("file", "x");
    for name in ["home/config", "home/cache", "home/state"] {
        symlink(sandbox.source(name), sandbox.path(name)).unwrap();
        fs::create_dir_all(sandbox.source(name)).unwrap();
    }
    fs::create_dir_all(sandbox.source("given")).unwrap();
    fs::create_dir(sandbox.path("only")).unwrap();
    fs::write(sandbox.path("only/file"), "x").unwrap();
    sandbox.use_repository(sandbox.source("deep/repository"));
    sandbox.run(&["init"]).expect(0);
    sandbox.json(&["backup", "only", "--name", "source"]);
    // The snapshot knows only one file here.
    for name in ["deep/extra", "home/extra", "extra", "given/other"] {
        sandbox.write(name, "x");
    }
    let key = sandbox.source("given/copy.key");
    fs::copy(sandbox.key_file(), &key).unwrap();
    let key = key.to_str().unwrap();
    let options = ["--target", "source", "--delete", "--delete-excluded", "--key-file", key];
    for dry_run in [&["--dry-run"][..], &[]] {
        let report = sandbox.json(&[&["restore", "source@latest"], &options[..], dry_run].concat());
        assert_eq!(report["deleted"], 4, "{report:#}");
        assert_eq!(kept(&report, "own"), 5, "{report:#}");
    }
    assert!(Path::new(key).exists() && !sandbox.source("given/other").exists());
    assert!(!sandbox.source("extra").exists() && !sandbox.source("deep/extra").exists());
    sandbox.check_all_data();
    assert!(sandbox.key_file().exists() && sandbox.state().join("icecore").exists());
}

#[test]
fn a_repository_that_is_mounted_into_the_target_survives() {
    if !is_root() {
        return skip("mounting needs root");
    }
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    sandbox.backup(&[]);
    fs::create_dir_all(sandbox.source("var/backup")).unwrap();
    fs::create_dir(sandbox.source("usb")).unwrap();
    let _mounts = [
        Mounted::bind(sandbox.repository(), &sandbox.source("var/backup")),
        Mounted::memory(&sandbox.source("usb")),
    ];
    sandbox.write("usb/precious", "x");
    let output = sandbox.run(&IN_PLACE).expect(0).says("1 file or directory left").says("the repository");
    assert!(output.stderr.contains("mount point"), "{}", output.describe());
    assert!(sandbox.source("usb/precious").exists());
    sandbox.check_all_data();
}

#[test]
fn a_file_that_is_mounted_over_another_is_told_and_all_others_are_restored() {
    if !is_root() {
        return skip("mounting needs root");
    }
    let sandbox = Sandbox::with_repository();
    sandbox.write("resolv.conf", "old");
    sandbox.write("other", "old");
    sandbox.backup(&[]);
    fs::write(sandbox.path("over"), "mounted").unwrap();
    let mounted = Mounted::bind(&sandbox.path("over"), &sandbox.source("resolv.conf"));
    sandbox.write("other", "newer");
    for dry_run in [&["--dry-run"][..], &[]] {
        sandbox.run(&[&IN_PLACE[..], dry_run].concat()).expect(3).says("resolv.conf").says("unmount it");
    }
    assert_eq!(fs::read(sandbox.source("other")).unwrap(), b"old");
    assert_eq!(fs::read(sandbox.source("resolv.conf")).unwrap(), b"mounted");
    drop(mounted);
    assert_eq!(fs::read(sandbox.source("resolv.conf")).unwrap(), b"old");
    let leftovers = fs::read_dir(sandbox.source("")).unwrap();
    assert_eq!(leftovers.count(), 2, "no temporary file is left");
}

#[test]
fn very_many_deletions_need_yes() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    sandbox.write("file", "x");
    sandbox.backup(&[]);
    for number in 0..1200 {
        sandbox.write(&format!("new/{number}"), "");
    }
    sandbox.write("file", "changed");
    sandbox.run(&IN_PLACE).expect(1).says("1,201 of 1,202 files or directories").says("--yes");
    assert_eq!(fs::read(sandbox.source("file")).unwrap(), b"changed", "nothing was restored either");
    let planned = sandbox.run(&[&IN_PLACE[..], &["--dry-run"]].concat()).expect(0).says("--yes");
    assert!(planned.text().contains("delete   new\n"), "{}", planned.describe());
    let report = sandbox.json(&[&IN_PLACE[..], &["--yes"]].concat());
    assert_eq!((&report["deleted"], &report["deleted_entries"]), (&1.into(), &1201.into()));
}

#[test]
fn the_neighbours_of_a_single_file_survive() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "recorded");
    sandbox.write("neighbour", "x");
    sandbox.write("directory/neighbour", "x");
    sandbox.json(&["backup", "source/file"]);
    sandbox.write("file", "changed since");
    sandbox.json(&["restore", "file@latest", "--in-place", "--delete"]);
    sandbox.json(&["restore", "file@latest", "--target", "source", "--delete"]);
    assert_eq!(fs::read(sandbox.source("file")).unwrap(), b"recorded");
    assert!(sandbox.source("neighbour").exists() && sandbox.source("directory/neighbour").exists());
}

#[test]
fn patterns_that_match_nothing_are_an_error() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("etc/ssh/config", bytes(1, 1000));
    sandbox.backup(&[]);
    let absolute = sandbox.source("etc/ssh");
    let restore = |reference: &str, pattern: &str| {
        sandbox.run(&["restore", reference, "--target", "t", "--include", pattern])
    };
    restore("latest", absolute.to_str().unwrap()).expect(1).says("relative").says("--include '/etc/ssh'");
    restore("latest", "/ssh/config").expect(1).says("relative to the source's root");
    restore("latest:etc", "/etc/ssh").expect(1).says("relative to etc in the source");
    sandbox.run(&["restore", "latest", "--target", "t", "--include", "nope", "--dry-run"]).expect(1);
    assert!(!sandbox.path("t").exists(), "nothing was made");
    restore("latest:etc", "/ssh").expect(0);
    assert!(sandbox.path("t/ssh/config").exists());
    // One match of several patterns is enough, and a single file is known by its name.
    let several =
        ["restore", "latest:etc/ssh/config", "--target", "u", "--include", "no", "--include", "config"];
    sandbox.run(&several).expect(0);
    assert!(sandbox.path("u/config").exists());
}

#[test]
fn delete_excluded_needs_delete() {
    let sandbox = Sandbox::new();
    sandbox.run(&["restore", "latest", "--target", "t", "--delete-excluded"]).expect(2).says("--delete");
}
