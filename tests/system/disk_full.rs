//! Repositories and targets on a full disk that has space again later.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{Sandbox, assert_same, bytes, is_root, read, skip, succeed};

/// A small disk, which is removed at the end of the test.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of 4 MiB in memory; returns none if that is not allowed.
    fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=4m,mode=755", "icecore-test"];
        let mount = Command::new("mount").args(words).arg(&path).output();
        if is_root() && mount.is_ok_and(|output| output.status.success()) {
            return Some(Self { path });
        }
        skip("disks cannot be mounted here");
        None
    }

    fn grow(&self) {
        succeed(Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.path));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A failing test may still use the disk; it is removed with its last user.
        drop(Command::new("umount").arg("--lazy").arg(&self.path).status());
    }
}

fn fill(sandbox: &Sandbox) {
    for number in 0..12 {
        sandbox.write(&format!("file-{number}"), bytes(number, 1 << 20));
    }
}

#[test]
fn a_backup_to_a_full_disk_is_completed_when_there_is_room() {
    let mut sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(sandbox.path("disk")) else { return };
    sandbox.use_repository(disk.path.join("repository"));
    sandbox.run(&["init"]).expect(0);
    sandbox.write("small", "fits");
    sandbox.backup(&["--name", "small"]);
    fill(&sandbox);
    let full = ["backup", "source", "--pack-size", "1MiB"];
    sandbox.run(&full).expect(1).says("space").says("free some space");
    // Existing data can still be read, but nothing can be written.
    assert_eq!(sandbox.snapshots().len(), 1);
    sandbox.run(&["restore", "small@latest", "--target", "small"]).expect(0);
    sandbox.run(&["check", "--read-data"]).expect(0);
    sandbox.run(&full).expect(1).says("space");
    let stored = stored_bytes(&disk.path);
    disk.grow();
    let done = sandbox.backup(&["--pack-size", "1MiB"]);
    let (new, all) = (done["bytes_new"].as_u64().unwrap(), done["bytes_read"].as_u64().unwrap());
    assert!(all - new >= 1 << 20, "of {all} bytes {new} were stored again, although {stored} were there");
    sandbox.check_all_data();
    sandbox.restore("source@latest", "restored", &[]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}

fn stored_bytes(disk: &Path) -> u64 {
    read(disk).values().map(|object| object.size).sum()
}

#[test]
fn making_a_repository_on_a_full_disk_fails_and_can_be_repeated() {
    let mut sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(sandbox.path("disk")) else { return };
    sandbox.use_repository(disk.path.join("repository"));
    fill_up(&disk.path.join("ballast"));
    sandbox.run(&["init"]).expect(1).says("space");
    fs::remove_file(disk.path.join("ballast")).unwrap();
    sandbox.run(&["init"]).expect(0);
    sandbox.write("file", "x");
    sandbox.backup(&[]);
}

/// Writes until the disk is full.
fn fill_up(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
}

#[test]
fn a_restore_to_a_full_disk_is_completed_when_there_is_room() {
    let sandbox = Sandbox::with_repository();
    let Some(disk) = SmallDisk::mount(sandbox.path("disk")) else { return };
    fill(&sandbox);
    sandbox.backup(&[]);
    let words = ["restore", "latest", "--target", "disk/restored"];
    sandbox.run(&words).expect(1).says("space");
    let expected = read(&sandbox.source(""));
    for (path, object) in read(&disk.path.join("restored")) {
        if let Some(expected) = expected.get(&path) {
            assert_eq!(object.content, expected.content, "{:?} is not whole", String::from_utf8_lossy(&path));
        }
    }
    disk.grow();
    let report = sandbox.restore("latest", "disk/restored", &[]);
    assert!(report["already_right"].as_u64() > Some(0), "{report:#}");
    assert_same(&expected, &read(&disk.path.join("restored")));
}

#[test]
fn a_full_disk_for_the_cache_is_no_reason_to_fail() {
    let sandbox = Sandbox::with_repository();
    let Some(disk) = SmallDisk::mount(sandbox.path("disk")) else { return };
    fill_up(&disk.path.join("ballast"));
    fill(&sandbox);
    let cache = disk.path.join("cache");
    let cache = cache.to_str().unwrap();
    sandbox.run(&["backup", "source", "--cache-dir", cache]).expect(0);
    sandbox.run(&["restore", "latest", "--target", "restored", "--cache-dir", cache]).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}
