//! Headers and key slots from other versions, other repositories and attackers.

use std::{fs, path::PathBuf};

use crate::harness::Sandbox;

const COMMANDS: [&[&str]; 5] = [
    &["snapshots"],
    &["ls", "latest"],
    &["restore", "latest", "--target", "restored"],
    &["check"],
    &["backup", "source"],
];

fn header(sandbox: &Sandbox) -> PathBuf {
    sandbox.repository().join("icecore")
}

/// Changes an object; it is written once, so nobody can open it for writing.
fn change(path: &PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = fs::read(path).unwrap();
    change(&mut content);
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn repositories_of_newer_versions_are_refused_with_the_reason() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    sandbox.backup(&[]);
    let good = fs::read(header(&sandbox)).unwrap();
    // Magic of 8 bytes, version of 2.
    change(&header(&sandbox), |content| content[8..10].copy_from_slice(&2u16.to_le_bytes()));
    for words in COMMANDS {
        sandbox.run(words).expect(1).says("version").says("newest version of icecore");
    }
    sandbox.run(&["init"]).expect(1);
    // Features that a reader must understand.
    change(&header(&sandbox), |content| *content = good.clone());
    change(&header(&sandbox), |content| content[12] = 1);
    for words in COMMANDS {
        sandbox.run(words).expect(1).says("feature");
    }
    change(&header(&sandbox), |content| *content = good.clone());
    sandbox.run(&["restore", "latest", "--target", "restored"]).expect(0);
}

#[test]
fn wrong_keys_are_told_from_damage() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    sandbox.backup(&[]);
    let other = Sandbox::with_repository();
    let foreign = other.key_file();
    fs::write(sandbox.path("noise.key"), "not a key file").unwrap();
    for words in COMMANDS {
        sandbox.run(&[words, &["--key-file", foreign.to_str().unwrap()]].concat()).expect(12).says("hint");
        sandbox.run(&[words, &["--password-command", "echo guess"]].concat()).expect(12);
        sandbox.run(&[words, &["--key-file", "noise.key"]].concat()).expect_any(&[1, 12]).says("noise.key");
        sandbox
            .run(&[words, &["--key-file", "missing.key"]].concat())
            .expect_any(&[1, 12])
            .says("missing.key");
        sandbox.run(&[words, &["--password-command", "exit 3"]].concat()).expect_any(&[1, 12]);
    }
    fs::remove_file(sandbox.key_file()).unwrap();
    sandbox.run(&["snapshots"]).expect(12).says("--key-file");
}

/// Puts an object under `meta/keys/` with the right name.
fn put_slot(sandbox: &Sandbox, content: &[u8]) -> PathBuf {
    let name = &blake3::hash(content).to_hex()[..32];
    let path = sandbox.repository().join("meta/keys").join(name);
    fs::write(&path, content).unwrap();
    path
}

/// Returns the path and content of the only key slot.
fn only_slot(sandbox: &Sandbox) -> (PathBuf, Vec<u8>) {
    let path = sandbox.repository().join(&sandbox.objects("meta/keys")[0]);
    let content = fs::read(&path).unwrap();
    (path, content)
}

#[test]
fn a_slot_that_asks_for_terabytes_of_memory_is_not_obeyed() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("password"), "correct horse").unwrap();
    sandbox.run(&["init", "--password-file", "password"]).expect(0);
    let (path, good) = only_slot(&sandbox);
    // Key 5 of the record, 256 MiB in KiB as a CBOR integer of 32 bits.
    let memory = [5, 0x1a, 0, 4, 0, 0];
    let place = good.windows(6).position(|window| window == memory).expect("the slot says what it costs");
    let mut hostile = good.clone();
    hostile[place + 2..place + 6].copy_from_slice(&u32::MAX.to_be_bytes());
    let planted = put_slot(&sandbox, &hostile);
    // Beside a valid slot, it does no harm; the list shows the problem.
    sandbox.run(&["snapshots", "--password-file", "password"]).expect(0);
    let list = sandbox.run(&["key", "list", "--password-file", "password", "--json"]).expect(0).json();
    let damaged: Vec<_> = list.as_array().unwrap().iter().filter(|slot| !slot["damage"].is_null()).collect();
    assert_eq!(damaged.len(), 1, "{list:#}");
    // Alone it is damage.
    fs::remove_file(&path).unwrap();
    sandbox.run(&["snapshots", "--password-file", "password"]).expect_any(&[12, 20]).says("memory");
    // So is one with a very low cost, which would make guessing cheap.
    fs::remove_file(planted).unwrap();
    hostile[place + 2..place + 6].copy_from_slice(&1u32.to_be_bytes());
    put_slot(&sandbox, &hostile);
    sandbox.run(&["snapshots", "--password-file", "password"]).expect_any(&[12, 20]).says("memory");
}

#[test]
fn slots_of_all_sorts_of_rubbish() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    sandbox.backup(&[]);
    let (path, good) = only_slot(&sandbox);
    for length in 0..good.len() {
        if length % 7 == 0 || length < 20 {
            put_slot(&sandbox, &good[..length]);
        }
    }
    for place in (0..good.len()).step_by(5) {
        let mut content = good.clone();
        content[place] ^= 0xff;
        put_slot(&sandbox, &content);
    }
    put_slot(&sandbox, &vec![0xa5; 2 << 20]);
    fs::write(sandbox.repository().join("meta/keys/no-name-for-a-slot"), &good).unwrap();
    sandbox.run(&["snapshots"]).expect(0);
    sandbox.run(&["key", "list"]).expect(0);
    sandbox.run(&["check"]).expect_any(&[0, 20]);
    fs::remove_file(&path).unwrap();
    for words in COMMANDS {
        sandbox.run(words).expect_any(&[12, 20]);
    }
}

#[test]
fn a_slot_of_another_repository_does_not_open_this_one() {
    let sandbox = Sandbox::with_repository();
    let other = Sandbox::with_repository();
    let (path, _) = only_slot(&sandbox);
    let (_, foreign) = only_slot(&other);
    put_slot(&sandbox, &foreign);
    sandbox.run(&["snapshots"]).expect(0);
    let foreign_key = other.key_file();
    sandbox.run(&["snapshots", "--key-file", foreign_key.to_str().unwrap()]).expect(12);
    fs::remove_file(path).unwrap();
    sandbox.run(&["snapshots", "--key-file", foreign_key.to_str().unwrap()]).expect_any(&[12, 20]);
}
