//! File systems that report wrong sizes and times.

mod file_system;

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

use rustix::process::Signal;

use file_system::{LiarMount, Lie};

use crate::harness::{Sandbox, bytes, is_root, skip};

/// Mounts files with the given lies; reports why if that is impossible.
fn mount(sandbox: &Sandbox, lies: Vec<Lie>) -> Option<LiarMount> {
    if !is_root() || !Path::new("/dev/fuse").exists() {
        skip("FUSE file systems cannot be mounted here");
        return None;
    }
    let place = sandbox.path("liar");
    fs::create_dir(&place).unwrap();
    match LiarMount::new(&place, lies) {
        Ok(mount) => Some(mount),
        Err(error) => {
            skip(&format!("a FUSE file system cannot be mounted here: {error}"));
            None
        }
    }
}

fn lie(name: &'static str, size: u64, content: Vec<u8>) -> Lie {
    Lie { name, size, content, seconds: 1_700_000_000, nanoseconds: 1, is_endless: false }
}

#[test]
fn files_are_read_to_their_end() {
    let sandbox = Sandbox::with_repository();
    let lies = vec![
        lie("empty", 0, b"important document\n".to_vec()),
        lie("long", 100_000, bytes(1, 3_000)),
        lie("long-stream", 3 << 20, bytes(2, 2_000_000)),
        lie("nothing", 0, Vec::new()),
        lie("right", 70_000, bytes(3, 70_000)),
        lie("short", 3, bytes(4, 900_000)),
        lie("short-stream", 5, bytes(5, 6_000_000)),
        lie("stream-short", 2 << 20, bytes(6, 7_000_000)),
    ];
    let Some(mount) = mount(&sandbox, lies) else { return };
    sandbox.run(&["backup", "liar"]).expect(0);
    for (name, content) in mount.contents() {
        let printed = sandbox.run(&["cat", &format!("latest:{name}")]).expect(0);
        assert!(printed.stdout == content, "{name}: {} bytes", printed.stdout.len());
    }
    // The times never change: only reading again finds the new content.
    mount.set_content("empty", b"important DOCUMENT\n".to_vec());
    sandbox.run(&["backup", "liar"]).expect(0);
    assert_eq!(sandbox.run(&["cat", "latest:empty"]).expect(0).stdout, b"important DOCUMENT\n");
    sandbox.check_all_data();
}

#[test]
fn a_file_without_an_end_is_named_and_left() {
    let sandbox = Sandbox::with_repository();
    let endless = Lie { is_endless: true, ..lie("endless", 0, vec![7; 64 << 10]) };
    let Some(_mount) = mount(&sandbox, vec![endless, lie("right", 5, b"right".to_vec())]) else { return };
    sandbox.run(&["backup", "liar"]).expect(3).says("endless");
    assert_eq!(sandbox.run(&["cat", "latest:right"]).expect(0).stdout, b"right");
}

#[test]
fn a_signal_ends_a_backup_that_reads_a_file_out_of_turn() {
    let sandbox = Sandbox::with_repository();
    let endless = Lie { is_endless: true, ..lie("endless", 0, vec![7; 64 << 10]) };
    let Some(_mount) = mount(&sandbox, vec![endless]) else { return };
    let running = sandbox.start(&["backup", "liar", "--pack-size", "1MiB"]);
    while sandbox.objects("meta/snapshots").is_empty() {
        let ended = running.wait_for(Duration::from_millis(5));
        assert!(ended.is_none(), "it ended too early: {ended:?}");
    }
    running.signal(Signal::TERM);
    running.wait().expect(130);
}

#[test]
fn a_change_within_the_second_of_the_backup_is_found() {
    let sandbox = Sandbox::with_repository();
    let now = fs::metadata(sandbox.path("repository/icecore")).unwrap().mtime().unsigned_abs();
    let file = Lie { seconds: now, nanoseconds: 0, ..lie("file", 4, b"AAAA".to_vec()) };
    let Some(mount) = mount(&sandbox, vec![file]) else { return };
    sandbox.run(&["backup", "liar"]).expect(0);
    mount.set_content("file", b"BBBB".to_vec());
    sandbox.run(&["backup", "liar"]).expect(0);
    assert_eq!(sandbox.run(&["cat", "latest:file"]).expect(0).stdout, b"BBBB");
}
