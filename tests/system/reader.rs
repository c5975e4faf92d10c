//! The Python reader, written only from `docs/format.md`, reads repositories that the program wrote.
//!
//! `ICECORE_PYTHON` names an interpreter that has the packages of `tests/reader/requirements.txt`.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{Sandbox, assert_same, bytes, read, skip_for_tool, succeed, text, variable};

/// Returns an interpreter with the packages that the reader needs; reports if there is none.
fn python() -> Option<OsString> {
    let wanted = variable("ICECORE_PYTHON");
    let python = wanted.clone().unwrap_or_else(|| "python3".into());
    let imports = "import blake3, cryptography, zstandard, cbor2";
    let has_packages = Command::new(&python).args(["-c", imports]).output();
    if has_packages.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(wanted.is_none(), "{} lacks the packages of the reader", python.display());
    skip_for_tool("there is no Python with the packages of the reader; set ICECORE_PYTHON");
    None
}

fn command(python: &OsString, sandbox: &Sandbox, credential: [&Path; 2], words: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reader/icecore_reader.py");
    let mut command = Command::new(python);
    command.arg(script).arg("--repository").arg(sandbox.repository()).args(credential).args(words);
    command.current_dir(sandbox.path("")).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
    command
}

fn fill(sandbox: &Sandbox) {
    sandbox.write("empty", "");
    sandbox.write("text", text(1, 400_000));
    sandbox.write("random", bytes(2, 3_000_000));
    for number in 0..300 {
        sandbox.write(&format!("many/{}/file-{number}", number % 7), bytes(number, 100 + number as usize));
    }
    symlink("many/\u{e4}", sandbox.source("link")).unwrap();
    fs::hard_link(sandbox.source("random"), sandbox.source("many/same")).unwrap();
    fs::set_permissions(sandbox.source("text"), Permissions::from_mode(0o4755)).unwrap();
    fs::File::create(sandbox.source("sparse")).unwrap().set_len(50 << 20).unwrap();
    // More holes than an entry can have.
    let holes = fs::File::create(sandbox.source("holes")).unwrap();
    for number in 0..8200 {
        std::os::unix::fs::FileExt::write_all_at(&holes, b"x", number * 8192).unwrap();
    }
    holes.set_len(8200 * 8192).unwrap();
    let attribute = rustix::fs::XattrFlags::empty();
    // If attributes are not supported, the rest is compared.
    let _ = rustix::fs::lsetxattr(sandbox.source("text"), "user.note", b"\xff", attribute);
}

#[test]
fn every_snapshot_is_listed_verified_and_restored() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::with_repository();
    fill(&sandbox);
    let mut expected = Vec::new();
    for options in
        [&[][..], &["--level", "full", "--dedup", "group"], &["--compression", "12", "--level", "full"]]
    {
        let done = sandbox.backup(&[options, &["--pack-size", "1MiB"]].concat());
        expected.push((done["snapshot"]["id"].as_str().unwrap().to_owned(), read(&sandbox.source(""))));
        sandbox.write("text", text(expected.len() as u64 * 10, 500_000));
        fs::remove_dir_all(sandbox.source(&format!("many/{}", expected.len()))).unwrap();
    }
    let key_file = sandbox.key_file();
    let credential = [Path::new("--key-file"), &key_file];
    let listed = succeed(&mut command(&python, &sandbox, credential, &["list"]));
    for (id, tree) in &expected {
        assert!(listed.contains(id), "{id} is not listed: {listed}");
        let entries = succeed(&mut command(&python, &sandbox, credential, &["list", id]));
        assert!(entries.lines().count() >= tree.len() - 1, "{entries}");
        let target = format!("restored-{id}");
        succeed(&mut command(&python, &sandbox, credential, &["restore", id, &target]));
        assert_same(tree, &read(&sandbox.path(&target)));
    }
    succeed(&mut command(&python, &sandbox, credential, &["verify"]));
    // It also finds damage.
    let pack = sandbox.repository().join(&sandbox.objects("data")[0]);
    damage(&pack);
    let output = command(&python, &sandbox, credential, &["verify"]).output().unwrap();
    assert_eq!(output.status.code(), Some(20), "{}", String::from_utf8_lossy(&output.stderr));
}

fn damage(path: &PathBuf) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn a_password_opens_the_repository_there_too() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    fs::write(sandbox.path("password"), "gr\u{fc}n").unwrap();
    let words = ["backup", "--init", "source", "--password-file", "password"];
    sandbox.run(&words).expect(0);
    let password = sandbox.path("password");
    let credential = [Path::new("--password-file"), &password];
    succeed(&mut command(&python, &sandbox, credential, &["restore", "latest", "restored"]));
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}
