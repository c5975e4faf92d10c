//! A chunk index on disk, as in a repository with very many chunks: the configuration allows it no memory.

use std::fs;

use crate::harness::{Sandbox, assert_same, read, text};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("home/config/icecore")).unwrap();
    fs::write(sandbox.path("home/config/icecore/icecore.toml"), "index-memory = 0\n").unwrap();
    for number in 0..30 {
        sandbox.write(&format!("file{number}"), text(number, 40_000));
    }
    sandbox.run(&["init"]).expect(0);
    sandbox
}

/// Returns the files of the index on disk.
fn runs(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let caches = fs::read_dir(sandbox.cache().join("icecore")).unwrap();
    let files = caches.flat_map(|cache| fs::read_dir(cache.unwrap().path()).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("chunks-")).collect()
}

#[test]
fn backup_and_restore_work_and_share_it() {
    let sandbox = sandbox();
    sandbox.run(&["backup", "source"]).expect(0);
    assert!(runs(&sandbox).is_empty(), "there was nothing to put on disk yet");
    let unchanged = sandbox.run(&["backup", "source", "--level", "full", "--json"]).expect(0);
    assert_eq!(unchanged.json()["sources"][0]["chunks_new"].as_u64(), Some(0), "{}", unchanged.describe());
    assert_eq!(runs(&sandbox).len(), 1);
    sandbox.run(&["restore", "latest", "--target", "target", "--verify"]).expect(0);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("target")));
    sandbox.run(&["check", "--read-data"]).expect(0);
}

#[test]
fn damage_to_it_costs_time_only() {
    let sandbox = sandbox();
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
    // At the beginning of the only page, and at the end of the tail.
    for place_from_end in [None, Some(60)] {
        let [run] = runs(&sandbox).try_into().unwrap();
        let mut bytes = fs::read(&run).unwrap();
        let place = place_from_end.map_or(40, |place| bytes.len() - place);
        bytes[place] ^= 1;
        fs::write(&run, bytes).unwrap();
        let unchanged = sandbox.run(&["backup", "source", "--level", "full", "--json"]).expect(0);
        assert_eq!(
            unchanged.json()["sources"][0]["chunks_new"].as_u64(),
            Some(0),
            "{}",
            unchanged.describe()
        );
        let target = format!("target{}", place_from_end.unwrap_or_default());
        sandbox.run(&["restore", "latest", "--target", &target]).expect(0);
        assert_same(&read(&sandbox.source("")), &read(&sandbox.path(&target)));
    }
}
