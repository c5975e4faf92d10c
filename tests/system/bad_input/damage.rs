//! Each kind of object, damaged in each way, met by each command.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::harness::{Sandbox, bytes, read, text};

/// Kinds of objects, by their prefix.
const KINDS: [&str; 6] =
    ["icecore", "meta/keys/", "meta/snapshots/", "meta/manifest/", "meta/packs/", "data/"];

/// What happens to an object.
#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipFirst,
    FlipMiddle,
    FlipLast,
    FlipMany,
    Truncate,
    Empty,
    Extend,
    Missing,
    Swap,
    Noise,
}

const DAMAGES: [Damage; 10] = [
    Damage::FlipFirst,
    Damage::FlipMiddle,
    Damage::FlipLast,
    Damage::FlipMany,
    Damage::Truncate,
    Damage::Empty,
    Damage::Extend,
    Damage::Missing,
    Damage::Swap,
    Damage::Noise,
];

impl Damage {
    /// Damages the first of `objects`; the second, if there is one, is what it is swapped with.
    fn make(self, objects: &[PathBuf]) {
        let mut content = fs::read(&objects[0]).unwrap();
        let middle = content.len() / 2;
        match self {
            Self::FlipFirst => content[0] ^= 1,
            Self::FlipMiddle => content[middle] ^= 0x10,
            Self::FlipLast => *content.last_mut().unwrap() ^= 0x80,
            Self::FlipMany => content.iter_mut().step_by(97).for_each(|byte| *byte ^= 0xff),
            Self::Truncate => content.truncate(middle),
            Self::Empty => content.clear(),
            Self::Extend => content.extend_from_slice(&[0; 100]),
            Self::Missing => return fs::remove_file(&objects[0]).unwrap(),
            Self::Noise => content = bytes(1, content.len()),
            Self::Swap => {
                let other = objects.get(1).map_or_else(|| bytes(2, 1000), |other| fs::read(other).unwrap());
                if let Some(second) = objects.get(1) {
                    replace(second, &content);
                }
                content = other;
            }
        }
        replace(&objects[0], &content);
    }
}

fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

/// A repository of two sources with several packs, as bytes, to start from again and again.
struct Original {
    sandbox: Sandbox,
    objects: Vec<(PathBuf, Vec<u8>)>,
}

impl Original {
    fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        sandbox.run(&["init"]).expect(0);
        for number in 0..6 {
            sandbox.write(&format!("one/file-{number}"), bytes(number, 400_000));
            sandbox.write(&format!("two/file-{number}"), bytes(100 + number, 300_000));
        }
        for number in 0..200 {
            sandbox.write(&format!("one/small/{number}"), text(number, 300));
        }
        for source in ["source/one", "source/two"] {
            sandbox.run(&["backup", source, "--pack-size", "1MiB"]).expect(0);
        }
        let objects = sandbox.objects("").into_iter().filter(|path| !path.starts_with("+lock"));
        let objects = objects.map(|path| {
            let content = fs::read(sandbox.repository().join(&path)).unwrap();
            (path, content)
        });
        let objects = objects.collect();
        Self { sandbox, objects }
    }

    /// Makes the repository whole again, without a cache and without what was restored.
    fn reset(&self) {
        fs::remove_dir_all(self.sandbox.repository()).unwrap();
        for (path, content) in &self.objects {
            let path = self.sandbox.repository().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.sandbox.delete_cache();
        for target in ["restored-one", "restored-two"] {
            if self.sandbox.path(target).exists() {
                fs::remove_dir_all(self.sandbox.path(target)).unwrap();
            }
        }
    }

    /// Runs every command over a damaged repository, in an order in which none helps another.
    fn run_all(&self, kind: &str, damage: Damage, with_cache: bool) {
        let shown = format!("{kind} {damage:?}{}", if with_cache { " with a cache" } else { "" });
        let sandbox = &self.sandbox;
        let codes = [0, 1, 10, 12, 20];
        sandbox.run(&["snapshots"]).expect_any(&codes);
        sandbox.run(&["ls", "-R", "one@latest"]).expect_any(&codes);
        sandbox.run(&["cat", "one@latest:file-1"]).expect_any(&codes);
        sandbox.run(&["diff", "one@latest", "two@latest"]).expect_any(&codes);
        let check = sandbox.run(&["check", "--read-data"]);
        // A snapshot that is missing is like one that never was: nothing else in the repository names it.
        let is_hidden = kind == "meta/snapshots/" && matches!(damage, Damage::Missing);
        let expected: &[i32] = if is_hidden { &[0] } else { &[10, 12, 20] };
        assert!(check.code.is_some_and(|code| expected.contains(&code)), "{shown}: {}", check.describe());
        let mut restored = 0;
        for source in ["one", "two"] {
            restored += self.restore(&shown, source);
        }
        if kind == "data/" && !matches!(damage, Damage::Swap) {
            assert!(restored > 5, "{shown}: only {restored} files came back");
        }
        let backup = sandbox.run(&["backup", "source/one", "--level", "full", "--pack-size", "1MiB"]);
        assert!(backup.code.is_some_and(|code| codes.contains(&code)), "{shown}: {}", backup.describe());
    }

    /// Restores a source: what comes back is right, and code 0 means that all came back. Returns the number of files.
    fn restore(&self, shown: &str, source: &str) -> usize {
        let target = format!("restored-{source}");
        let output = self.sandbox.run(&["restore", &format!("{source}@latest"), "--target", &target]);
        assert!(
            output.code.is_some_and(|code| [0, 1, 10, 12, 20].contains(&code)),
            "{shown}: {}",
            output.describe()
        );
        assert!(
            output.code == Some(0) || output.stderr.contains("error: "),
            "{shown}: {}",
            output.describe()
        );
        let expected = read(&self.sandbox.source(source));
        let target = self.sandbox.path(&target);
        let found = if target.exists() { read(&target) } else { crate::harness::Tree::new() };
        for (path, object) in &found {
            let path_text = String::from_utf8_lossy(path);
            let expected =
                expected.get(path).unwrap_or_else(|| panic!("{shown}: {path_text} came from nowhere"));
            assert_eq!(
                object.content,
                expected.content,
                "{shown}: {path_text} is wrong: {}",
                output.describe()
            );
        }
        if output.code == Some(0) {
            assert_eq!(found.len(), expected.len(), "{shown}: something is missing: {}", output.describe());
        }
        found.len()
    }
}

/// Damages the objects of one kind in all ways.
fn damage_all(kind: &str) {
    let original = Original::new();
    for damage in DAMAGES {
        for with_cache in [false, true] {
            original.reset();
            if with_cache {
                original.sandbox.run(&["snapshots"]).expect(0);
                original.sandbox.run(&["ls", "one@latest"]).expect(0);
            }
            let objects: Vec<PathBuf> = original
                .sandbox
                .objects(kind)
                .iter()
                .map(|path| original.sandbox.repository().join(path))
                .collect();
            damage.make(&objects);
            original.run_all(kind, damage, with_cache);
        }
    }
}

#[test]
fn damaged_headers() {
    damage_all(KINDS[0]);
}

#[test]
fn damaged_key_slots() {
    damage_all(KINDS[1]);
}

#[test]
fn damaged_snapshots() {
    damage_all(KINDS[2]);
}

#[test]
fn damaged_manifests() {
    damage_all(KINDS[3]);
}

#[test]
fn damaged_pack_directories() {
    damage_all(KINDS[4]);
}

#[test]
fn damaged_packs() {
    damage_all(KINDS[5]);
}

/// What may happen to a pack.
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
        Loss::EndOfPack => Damage::Truncate.make(&[pack]),
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
