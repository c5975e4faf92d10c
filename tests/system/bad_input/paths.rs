//! Sources, targets and patterns that make no sense.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

use crate::harness::{Sandbox, assert_same, bytes, check_tool, is_root, read, run_command};

#[test]
fn no_repository() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("repository")).unwrap();
    sandbox.write("file", "x");
    for words in [
        &["snapshots"][..],
        &["ls", "latest"],
        &["cat", "latest:x"],
        &["diff", "latest~1", "latest"],
        &["restore", "latest", "--target", "t"],
        &["check"],
        &["key", "list"],
        &["backup", "source"],
    ] {
        sandbox.run(words).expect(10).says("repository").says("hint");
        sandbox.run(&[words, &["-r", "/nonexistent/place"]].concat()).expect(10).says("/nonexistent/place");
    }
    assert_eq!(fs::read_dir(sandbox.path("repository")).unwrap().count(), 0, "something was written");
    // A directory with other content cannot become a repository.
    sandbox.run(&["init", "-r", "source"]).expect(1).says("neither empty nor a repository");
    sandbox.run(&["init", "-r", "source/file"]).expect_any(&[1, 2, 10]);
    assert_eq!(fs::read_dir(sandbox.source("")).unwrap().count(), 1);
}

#[test]
fn sources_that_are_not_there_do_not_stop_the_others() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    sandbox.run(&["backup", "missing", "source"]).expect(1).says("missing");
    assert_eq!(sandbox.snapshots().len(), 1);
    symlink("nowhere", sandbox.path("dangling")).unwrap();
    sandbox.run(&["backup", "dangling"]).expect(1).says("dangling");
    sandbox.run(&["backup", "source/file/below"]).expect(1);
    sandbox.run(&["backup", ""]).expect_any(&[1, 2]);
    assert_eq!(sandbox.snapshots().len(), 1);
}

#[test]
fn a_source_in_the_repository_is_refused() {
    let sandbox = Sandbox::with_repository();
    for path in ["repository", "repository/meta", "repository/meta/keys/../keys"] {
        sandbox.run(&["backup", path]).expect(2).says("is inside the repository");
    }
    symlink("repository", sandbox.path("other-name")).unwrap();
    sandbox.run(&["backup", "other-name/meta"]).expect(2);
    assert!(sandbox.snapshots().is_empty());
}

#[test]
fn a_location_in_a_repository_is_explained() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    // The header is a file of this name.
    for location in ["repository/icecore", "repository/icecore/below"] {
        for words in [&["init"][..], &["snapshots"], &["backup", "--init", "source"]] {
            let output = sandbox.run(&[words, &["-r", location]].concat()).expect(1);
            output.says("is inside the repository").says("use it: --repository");
        }
    }
}

#[test]
fn a_repository_in_the_source_is_left_out() {
    let mut sandbox = Sandbox::new();
    sandbox.use_repository(sandbox.source("inner/repository"));
    sandbox.run(&["init"]).expect(0);
    sandbox.write("file", bytes(1, 100_000));
    for _ in 0..2 {
        sandbox.run(&["backup", "source"]).expect(0).says("is inside the source");
    }
    sandbox.restore("latest", "restored", &[]);
    let paths: Vec<Vec<u8>> = read(&sandbox.path("restored")).into_keys().collect();
    // The directory may be in the snapshot, but without content.
    assert!(paths.iter().all(|path| !path.starts_with(b"inner/repository/")), "{paths:?}");
    assert!(paths.contains(&b"file".to_vec()) && paths.contains(&b"inner".to_vec()), "{paths:?}");
    // A restore over it does not touch it.
    sandbox.restore("latest", "source", &[]);
    sandbox.check_all_data();
}

#[test]
fn an_empty_source() {
    let sandbox = Sandbox::with_repository();
    fs::set_permissions(sandbox.source(""), Permissions::from_mode(0o711)).unwrap();
    let done = sandbox.backup(&[]);
    assert_eq!((&done["entries"], &done["files"]), (&1.into(), &0.into()));
    sandbox.backup(&[]);
    sandbox.restore("latest", "restored", &[]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
    assert_eq!(sandbox.run(&["ls", "latest"]).expect(0).text(), "");
    sandbox.check_all_data();
}

#[test]
fn two_paths_with_one_name_and_other_wrong_usage() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("a/data/x", "x");
    sandbox.write("b/data/x", "x");
    for words in [
        &["backup", "source/a/data", "source/b/data"][..],
        &["backup", "source", "./source"],
        &["backup", "source/a", "source/b", "--name", "both"],
        &["backup"],
        &["backup", "source", "--name", "a@b"],
        &["backup", "source", "--name", ""],
        &["backup", "source", "--tag", "no-equals-sign"],
        &["backup", "source", "--level", "sideways"],
        &["backup", "source", "--pack-size", "1KiB"],
        &["backup", "source", "--compression", "99"],
        &["backup", "source", "--stdin", "x"],
        &["backup", "source", "--exclude", "a["],
        &["backup", "source", "--exclude", "["],
        &["backup", "source", "--exclude-file", "missing-patterns"],
        &["backup", "source", "-r", "gopher://host/path"],
        &["restore", "latest", "--target", "t", "--include", "a["],
        &["restore", "latest", "--target", "t", "--in-place"],
        &["restore", "latest", "--target", "t", "--since", "latest", "--incremental"],
        &["restore", "@:", "--target", "t"],
        &["check", "--sample", "200%"],
        &["check", "--sample", "5%", "--read-data"],
        &["diff", "latest:a", "latest:b"],
    ] {
        let output = sandbox.run(words).expect(2);
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{}", output.describe());
    }
    assert!(sandbox.snapshots().is_empty());
    assert!(!sandbox.path("t").exists());
    sandbox.run(&["backup", "source/a/data", "--name", "a"]).expect(0);
    sandbox.run(&["backup", "source/b/data", "--name", "b"]).expect(0);
}

#[test]
fn references_to_nothing() {
    let sandbox = Sandbox::with_repository();
    sandbox.run(&["restore", "latest", "--target", "t"]).expect(1).says("no snapshot");
    sandbox.write("file", "x");
    sandbox.backup(&["--name", "one"]);
    sandbox.backup(&["--name", "two"]);
    for reference in
        ["latest", "one@latest~1", "ffffffffff", "one@1999-01-01", "three@latest", "one@latest:missing"]
    {
        let output = sandbox.run(&["restore", reference, "--target", "t"]).expect_any(&[1, 2]);
        assert!(output.stderr.starts_with("error: "), "{}", output.describe());
        assert!(!sandbox.path("t").exists(), "{reference} made the target");
    }
}

#[test]
fn targets_that_are_no_directories() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("directory/file", "new");
    sandbox.backup(&[]);
    fs::write(sandbox.path("file"), "precious").unwrap();
    symlink("file", sandbox.path("link")).unwrap();
    for target in ["file", "link", "file/below"] {
        sandbox.run(&["restore", "latest", "--target", target]).expect(1).says("directory");
    }
    assert_eq!(fs::read(sandbox.path("file")).unwrap(), b"precious");
    // A target that does not exist is created, with its parents.
    sandbox.restore("latest", "new/deep/target", &[]);
    assert_eq!(fs::read(sandbox.path("new/deep/target/directory/file")).unwrap(), b"new");
}

#[test]
fn links_in_the_target_are_not_followed() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("directory/file", "new");
    sandbox.write("other", "new");
    sandbox.backup(&[]);
    fs::create_dir_all(sandbox.path("precious")).unwrap();
    fs::write(sandbox.path("precious/file"), "old").unwrap();
    fs::create_dir(sandbox.path("target")).unwrap();
    symlink("../precious", sandbox.path("target/directory")).unwrap();
    symlink("../precious/file", sandbox.path("target/other")).unwrap();
    symlink("../precious", sandbox.path("target/extra")).unwrap();
    sandbox.restore("latest", "target", &["--delete"]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("target")));
    assert_eq!(fs::read(sandbox.path("precious/file")).unwrap(), b"old");
}

#[test]
fn cache_directories_that_cannot_be_used() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", bytes(1, 50_000));
    fs::write(sandbox.path("no-directory"), "x").unwrap();
    for cache in ["no-directory", "/proc/nowhere"] {
        sandbox.run(&["backup", "source", "--cache-dir", cache]).expect(0).says("warning");
        sandbox.run(&["snapshots", "--cache-dir", cache]).expect(0).says("warning");
    }
    sandbox.backup(&[]);
    for damage in [&b"no database"[..], &[0; 10_000], b""] {
        overwrite_files(&sandbox.cache(), damage);
        let done = sandbox.backup(&["--level", "full"]);
        assert_eq!(done["bytes_new"], 0, "what is stored was forgotten");
    }
    sandbox.restore("latest", "restored", &[]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}

#[test]
fn a_cache_directory_of_somebody_else() {
    let sandbox = Sandbox::new();
    sandbox.write("file", bytes(1, 50_000));
    fs::create_dir(sandbox.path("locked")).unwrap();
    fs::set_permissions(sandbox.path("locked"), Permissions::from_mode(0o555)).unwrap();
    let words = ["backup", "--init", "source", "--cache-dir", "locked"];
    // Root can write everywhere.
    let command = match is_root() {
        true if !check_tool("setpriv") => return,
        true => sandbox.command_as_nobody(&words),
        false => sandbox.command(&words),
    };
    run_command(command).expect(0).says("warning");
}

/// Replaces every file below a directory.
fn overwrite_files(directory: &std::path::Path, content: &[u8]) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            overwrite_files(&path, content);
        } else {
            fs::write(path, content).unwrap();
        }
    }
}
