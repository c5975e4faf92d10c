//! Each kind of object, damaged in each way, with each command: `damage/table.txt` contains the expected
//! results.
//!
//! A cell is the exit code of a command. In addition, these rules hold for every cell: no command panics,
//! hangs or hides a failure; restored data is correct; a restore that ends with 0 restores everything.

mod original;

use std::fs;

use self::original::{Original, foreign_header, replace};
use crate::harness::{Sandbox, bytes, read};

const TABLE: &str = include_str!("damage/table.txt");

/// Kinds of objects, with their prefix.
const KINDS: [(&str, &str); 7] = [
    ("header", "icecore"),
    ("key slot", "meta/keys/"),
    ("snapshot", "meta/snapshots/"),
    ("manifest pack", "meta/manifest/"),
    ("pack directory", "meta/packs/"),
    ("data pack", "data/"),
    ("log record", "meta/log/"),
];

/// What happens to an object.
#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipFirst,
    FlipHead,
    FlipMiddle,
    FlipLast,
    FlipMany,
    TruncateHalf,
    TruncateByte,
    Empty,
    Extend,
    Remove,
    Swap,
    Replay,
    Noise,
}

const DAMAGES: [Damage; 13] = [
    Damage::FlipFirst,
    Damage::FlipHead,
    Damage::FlipMiddle,
    Damage::FlipLast,
    Damage::FlipMany,
    Damage::TruncateHalf,
    Damage::TruncateByte,
    Damage::Empty,
    Damage::Extend,
    Damage::Remove,
    Damage::Swap,
    Damage::Replay,
    Damage::Noise,
];

impl Damage {
    /// Damages the victim; `other` is exchanged with it, and `older` replaces it.
    fn make(self, original: &Original, prefix: &str) {
        let objects = original.objects_of(prefix);
        let victim = &objects[0];
        let mut content = fs::read(victim).unwrap();
        let middle = content.len() / 2;
        match self {
            Self::FlipFirst => content[0] ^= 1,
            // After the magic and the version: kind, epoch, salt.
            Self::FlipHead => content[20] ^= 4,
            Self::FlipMiddle => content[middle] ^= 0x10,
            Self::FlipLast => *content.last_mut().unwrap() ^= 0x80,
            Self::FlipMany => content.iter_mut().step_by(97).for_each(|byte| *byte ^= 0xff),
            Self::TruncateHalf => content.truncate(middle),
            Self::TruncateByte => content.truncate(content.len() - 1),
            Self::Empty => content.clear(),
            Self::Extend => content.extend_from_slice(&[0; 100]),
            Self::Remove => return fs::remove_file(victim).unwrap(),
            Self::Noise => content = bytes(1, content.len()),
            // The last one has another length; `Noise` covers one of the same length.
            Self::Swap => match objects[1..].last() {
                Some(other) => {
                    let other_content = fs::read(other).unwrap();
                    replace(other, &content);
                    content = other_content;
                }
                None => content = foreign_header(),
            },
            Self::Replay => return original.replay(prefix, &objects),
        }
        replace(victim, &content);
    }
}

/// Damages the objects of one kind in all ways; returns the rows of the table.
fn rows(kind: &str, prefix: &str) -> Vec<String> {
    let original = Original::new();
    let mut rows = Vec::new();
    for damage in DAMAGES {
        let [without, with] = [false, true].map(|with_cache| {
            original.reset();
            if with_cache {
                original.fill_cache();
            }
            damage.make(&original, prefix);
            original.run_all(&format!("{kind} {damage:?}{}", if with_cache { " with a cache" } else { "" }))
        });
        let cells = without.iter().zip(&with).map(|(without, with)| {
            if without == with { without.to_string() } else { format!("{without}/{with}") }
        });
        original.reset();
        damage.make(&original, prefix);
        let repaired = original.repair(&format!("{kind} {damage:?}"));
        let cells = cells.chain(repaired.iter().map(ToString::to_string));
        let cells: Vec<String> = cells.map(|cell| format!("{cell:>6}")).collect();
        rows.push(format!("{kind:<15}{:<13} {}", format!("{damage:?}"), cells.join(" ")));
    }
    rows
}

fn assert_rows(number: usize) {
    let (kind, prefix) = KINDS[number];
    let expected: Vec<&str> =
        TABLE.lines().filter(|line| line.starts_with(&format!("{kind} "))).map(str::trim_end).collect();
    let found = rows(kind, prefix);
    let different: Vec<&str> =
        found.iter().map(|row| row.trim_end()).filter(|row| !expected.contains(row)).collect();
    assert!(
        different.is_empty() && expected.len() == found.len(),
        "these rows are not in the table:\n{}",
        different.join("\n")
    );
    println!("damage matrix: {kind}: {} cells", cells(found.len()));
}

fn cells(rows: usize) -> usize {
    rows * (2 * original::COMMANDS.len() + original::REMEDIES.len())
}

#[test]
fn damaged_headers() {
    assert_rows(0);
}

#[test]
fn damaged_key_slots() {
    assert_rows(1);
}

#[test]
fn damaged_snapshots() {
    assert_rows(2);
}

#[test]
fn damaged_manifests() {
    assert_rows(3);
}

#[test]
fn damaged_pack_directories() {
    assert_rows(4);
}

#[test]
fn damaged_packs() {
    assert_rows(5);
}

#[test]
fn damaged_log_records() {
    assert_rows(6);
}

/// Damage to a pack.
#[derive(Clone, Copy, Debug)]
enum Loss {
    PackAndDirectory,
    Pack,
    EndOfPack,
}

#[test]
fn a_backup_stores_again_what_is_missing() {
    for loss in [Loss::PackAndDirectory, Loss::Pack, Loss::EndOfPack] {
        stores_again_after(loss);
    }
}

fn stores_again_after(loss: Loss) {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    for number in 0..6 {
        sandbox.write(&format!("file-{number}"), bytes(number, 400_000));
    }
    sandbox.let_times_settle();
    sandbox.backup(&["--pack-size", "1MiB"]);
    let packs = sandbox.objects("data");
    let name = packs[0].file_name().unwrap();
    let pack = sandbox.repository().join(&packs[0]);
    match loss {
        Loss::PackAndDirectory => {
            fs::remove_file(sandbox.repository().join("meta/packs").join(name)).unwrap();
            fs::remove_file(pack).unwrap();
        }
        Loss::Pack => fs::remove_file(pack).unwrap(),
        Loss::EndOfPack => {
            let content = fs::read(&pack).unwrap();
            replace(&pack, &content[..content.len() / 2]);
        }
    }
    sandbox.run(&["check"]).expect(20);
    let done = sandbox.backup(&[]);
    assert!(done["bytes_new"].as_u64() > Some(0), "{loss:?}: {done:#}");
    assert!(!done["notices"].as_array().unwrap().is_empty(), "{loss:?} is not said: {done:#}");
    sandbox.restore("latest", "restored", &["--verify"]);
    crate::harness::assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}

#[test]
fn strange_objects_in_the_repository_do_no_harm() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", bytes(1, 10_000));
    sandbox.backup(&[]);
    let run = sandbox.objects("meta/snapshots")[0].file_name().unwrap().to_str().unwrap().to_owned();
    let digits = format!("{}{}", &run[..run.len() - 4], "0000");
    for path in [
        "meta/snapshots/README",
        "meta/packs/.DS_Store",
        "meta/keys/x",
        "data/lost+found/x",
        "data/loose-file",
        "meta/unknown/thing",
        "notes.txt",
        &format!("meta/snapshots/{digits}"),
    ] {
        let path = sandbox.repository().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    sandbox.run(&["snapshots"]).expect(0);
    sandbox.run(&["check"]).expect_any(&[0, 20]);
    sandbox.backup(&[]);
    sandbox.restore("latest", "restored", &[]);
}
