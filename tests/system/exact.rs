//! A restore over existing files is exact, or reports the metadata that it could not set.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{Sandbox, check_tool, is_root, skip, succeed};

/// Writes other content of the same length into a file, and resets its time.
fn forge(path: &Path, content: &str) {
    let time = path.metadata().unwrap().modified().unwrap();
    fs::write(path, content).unwrap();
    File::open(path).unwrap().set_modified(time).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn other_content_of_the_same_size_and_time_is_found() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.source("db"), "good-content").unwrap();
    sandbox.run(&["init"]).expect(0);
    sandbox.backup(&[]);
    for place in [&["--in-place"][..], &["--target", "source"]] {
        forge(&sandbox.source("db"), "evil-content");
        let trusting = [&["restore", "latest", "--trust-times"], place].concat();
        let report = sandbox.json(&trusting);
        assert_eq!((&report["trust_times"], &report["files_not_compared"]), (&true.into(), &1.into()));
        assert_eq!(fs::read_to_string(sandbox.source("db")).unwrap(), "evil-content");
        let dry = sandbox.json(&[&["restore", "latest", "--dry-run"], place].concat());
        assert_eq!((&dry["actions"][0]["action"], &dry["files_written"]), (&"update".into(), &1.into()));
        let report = sandbox.json(&[&["restore", "latest", "--verify"], place].concat());
        assert_eq!((&report["files_written"], &report["verified"]), (&1.into(), &true.into()));
        assert_eq!(fs::read_to_string(sandbox.source("db")).unwrap(), "good-content");
    }
}

#[test]
fn an_existing_target_keeps_its_metadata_unless_told_otherwise() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.source("sub")).unwrap();
    fs::write(sandbox.source("sub/f"), "x").unwrap();
    for path in ["", "sub"] {
        fs::set_permissions(sandbox.source(path), fs::Permissions::from_mode(0o700)).unwrap();
    }
    sandbox.run(&["init"]).expect(0);
    sandbox.backup(&[]);
    let target = sandbox.path("target");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o1777)).unwrap();
    let before = (mode(&target), target.metadata().unwrap().mtime());
    for reference in ["latest", "latest:sub", "latest:sub/f"] {
        sandbox.restore(reference, "target", &[]);
        assert_eq!((mode(&target), target.metadata().unwrap().mtime()), before, "{reference}");
    }
    for option in ["--target-metadata", "--delete"] {
        fs::set_permissions(&target, fs::Permissions::from_mode(0o1777)).unwrap();
        sandbox.restore("latest", "target", &[option]);
        assert_eq!(mode(&target), 0o700, "{option}");
    }
    sandbox.restore("latest", "new", &[]);
    assert_eq!(mode(&sandbox.path("new")), 0o700);
}

#[test]
fn a_directory_of_the_system_needs_a_yes() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init"]).expect(0);
    // The target is empty, so a wrong answer can do no harm.
    sandbox.run(&["backup", "source"]).expect(0);
    std::os::unix::fs::symlink("/etc", sandbox.path("link")).unwrap();
    for target in ["/", "/usr", "/etc/", "link"] {
        sandbox.run(&["restore", "latest", "--target", target]).expect(1).says("--yes");
        sandbox.run(&["restore", "latest", "--target", target, "--dry-run"]).expect(0);
    }
}

#[test]
fn flags_of_files_and_directories_come_back() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.source("d")).unwrap();
    for path in ["i", "a", "d/c"] {
        fs::write(sandbox.source(path), path).unwrap();
    }
    let chattr = |flags: &str, paths: &[PathBuf]| Command::new("chattr").arg(flags).args(paths).output();
    let is_there = |flags: &str, path: &str| chattr(flags, &[sandbox.source(path)]);
    if !is_root() || !is_there("+i", "i").is_ok_and(|output| output.status.success()) {
        skip("flags cannot be set here");
        return;
    }
    is_there("+a", "a").unwrap();
    is_there("+i", "d").unwrap();
    let unlock = |place: &str| {
        let paths = ["i", "a", "d", "d/c"].map(|path| sandbox.path(place).join(path));
        chattr("-ia", &paths).unwrap();
    };
    sandbox.run(&["init"]).expect(0);
    sandbox.backup(&[]);
    let listed = sandbox.json(&["ls", "latest"]);
    let flags: Vec<_> = listed.as_array().unwrap().iter().map(|entry| entry["flags"][0].as_str()).collect();
    assert_eq!(flags, [Some("append-only"), Some("immutable"), Some("immutable")]);
    for options in [&[][..], &["--verify"], &["--delete"]] {
        sandbox.restore("latest", "restored", options);
        let lsattr = |path: &str| {
            let output = Command::new("lsattr").arg("-d").arg(sandbox.path("restored").join(path)).output();
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            text.split(' ')
                .next()
                .unwrap()
                .chars()
                .filter(|letter| "ia".contains(*letter))
                .collect::<String>()
        };
        assert_eq!(["i", "a", "d", "d/c"].map(lsattr), ["i", "a", "i", ""]);
        // Changed despite the flags, also inside the directory that forbids it.
        unlock("restored");
        fs::write(sandbox.path("restored/i"), "x").unwrap();
        fs::write(sandbox.path("restored/d/c"), "xxx").unwrap();
        chattr("+i", &[sandbox.path("restored/i"), sandbox.path("restored/d")]).unwrap();
    }
    sandbox.restore("latest", "restored", &[]);
    assert_eq!(fs::read_to_string(sandbox.path("restored/d/c")).unwrap(), "d/c");
    unlock("restored");
    unlock("source");
}

/// A small file system in a file.
struct Image {
    path: PathBuf,
}

impl Image {
    fn mount(sandbox: &Sandbox, make: &[&str]) -> Option<Self> {
        let (image, path) = (sandbox.path("image"), sandbox.path("disk"));
        if !is_root() || !check_tool(make[0]) {
            return None;
        }
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        succeed(Command::new(make[0]).args(&make[1..]).arg(&image));
        fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&path).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skip("images cannot be mounted here");
            return None;
        }
        Some(Self { path })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.path).status());
    }
}

#[test]
fn what_a_file_system_does_not_keep_is_said_once_for_each_reason() {
    let sandbox = Sandbox::new();
    // Inodes of 128 bytes store whole seconds, and no large attributes.
    let Some(_disk) = Image::mount(&sandbox, &["mkfs.ext4", "-q", "-I", "128"]) else { return };
    for number in 0..30 {
        let path = sandbox.source(&format!("f{number}"));
        fs::write(&path, "x").unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 5);
        File::open(&path).unwrap().set_modified(time).unwrap();
    }
    sandbox.run(&["init"]).expect(0);
    sandbox.backup(&[]);
    let words = ["restore", "latest", "--target", "disk/restored", "--json"];
    let report = sandbox.run(&words).expect(3).json();
    let warnings = report["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{report:#}");
    assert_eq!((&warnings[0]["aspect"], &warnings[0]["note"]), (&"times".into(), &false.into()));
    assert!(warnings[0]["count"].as_u64() >= Some(30), "{report:#}");
}
