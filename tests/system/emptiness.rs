//! Sources that are empty because of an error: they do not replace a snapshot with content.

use std::{fs, process::Command};

use crate::harness::{Sandbox, is_root, run_command, skip, succeed};

#[test]
fn an_empty_stream_makes_no_snapshot_unless_it_may() {
    let mut sandbox = Sandbox::with_repository();
    let stdin = ["backup", "--stdin", "dump.sql"];
    sandbox.run_with_input(&stdin, b"").expect(1).says("the stream is empty").says("--allow-empty");
    let command = ["backup", "--command", "dump.sql", "--", "true"];
    sandbox.run(&command).expect(1).says("the stream is empty");
    sandbox.run(&["backup", "--command", "dump.sql", "--json", "--", "true"]).expect(1);
    assert!(sandbox.snapshots().is_empty());
    sandbox.run_with_input(&[&stdin[..], &["--allow-empty"]].concat(), b"").expect(0);
    fs::write(sandbox.path("icecore.toml"), "[sources.\"dump.sql\"]\npath = \"/\"\nallow-empty = true\n")
        .unwrap();
    sandbox.set("ICECORE_CONFIG", "icecore.toml");
    sandbox.run(&command).expect(0);
    assert_eq!(sandbox.snapshots().len(), 2);
}

#[test]
fn a_file_system_that_is_not_mounted_makes_no_snapshot() {
    if !is_root() {
        return skip("root mounts file systems");
    }
    let sandbox = Sandbox::with_repository();
    let mount = sandbox.source("");
    // An empty directory is worth a snapshot if nothing is known about it.
    sandbox.backup(&[]);
    succeed(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&mount));
    sandbox.write("a/file", "content");
    sandbox.backup(&[]);
    succeed(Command::new("umount").arg(&mount));
    for level in ["incremental", "full", "differential"] {
        for dry_run in [&[][..], &["--dry-run"]] {
            let words = [&["backup", "source", "--level", level], dry_run].concat();
            sandbox
                .run(&words)
                .expect(1)
                .says("is empty, but the last snapshot")
                .says("mount it and run the same command again");
        }
    }
    // The same for a missing one.
    fs::remove_dir(&mount).unwrap();
    sandbox.run(&["backup", "source"]).expect(1);
    assert_eq!(sandbox.snapshots().len(), 2);
    fs::create_dir(&mount).unwrap();
    run_command(sandbox.command(&["backup", "source", "--allow-empty"])).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
}
