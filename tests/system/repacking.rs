//! Packs that are mostly unused, and many small ones, are repacked by the whole program.

use std::fs;

use serde_json::Value;

use crate::harness::{Sandbox, assert_same, bytes, read};

/// Makes a snapshot of many files and one of a few of them; forgets the first one.
fn mostly_unused() -> Sandbox {
    let sandbox = Sandbox::with_repository();
    for seed in 0..20 {
        sandbox.write(&format!("file-{seed}"), bytes(seed, 100_000));
    }
    let first = sandbox.backup(&[])["snapshot"]["id"].as_str().unwrap().to_owned();
    for seed in 2..20 {
        fs::remove_file(sandbox.source(&format!("file-{seed}"))).unwrap();
    }
    sandbox.backup(&[]);
    sandbox.run(&["forget", &first]).expect(0);
    sandbox
}

/// Restores the newest snapshot, which must be equal to the source.
fn restores(sandbox: &Sandbox) {
    sandbox.restore("latest", "target", &[]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("target")));
}

fn number(document: &Value, field: &str) -> u64 {
    document[field].as_u64().unwrap()
}

#[test]
fn the_needed_part_of_a_pack_moves_before_the_pack_goes() {
    let sandbox = mostly_unused();
    let planned = sandbox.json(&["prune", "--dry-run"]);
    assert_eq!((number(&planned, "packs_to_repack"), number(&planned, "packs_repacked")), (1, 0));
    assert!((150_000..250_000).contains(&number(&planned, "bytes_to_write")), "{planned}");
    let marked = sandbox.json(&["prune"]);
    assert_eq!((number(&marked, "packs_repacked"), number(&marked, "packs_removed")), (1, 0));
    sandbox.check_all_data();
    let removed = sandbox.json(&["prune", "--grace", "0"]);
    assert!(number(&removed, "bytes_removed") > 2_000_000, "{removed}");
    sandbox.delete_state();
    sandbox.check_all_data();
    restores(&sandbox);
}

#[test]
fn nothing_is_repacked_if_nothing_may_be_read() {
    let sandbox = mostly_unused();
    let pruned = sandbox.json(&["prune", "--grace", "0", "--max-repack", "0"]);
    assert_eq!((number(&pruned, "packs_to_repack"), number(&pruned, "packs_repacked")), (0, 0));
    assert!(number(&pruned, "bytes_needed") > 2_000_000);
    // Nothing was forgotten since, so this is looked for only if somebody asks.
    let later = sandbox.json(&["prune", "--grace", "0"]);
    assert_eq!(number(&later, "packs_repacked"), 0);
    let asked = sandbox.json(&["prune", "--grace", "0", "--max-repack", "1GiB"]);
    assert_eq!(number(&asked, "packs_repacked"), 1);
    sandbox.check_all_data();
    sandbox.run(&["prune", "--max-repack", "much"]).expect(2).says("--max-repack");
}

#[test]
fn small_packs_of_many_backups_are_put_together() {
    let sandbox = Sandbox::with_repository();
    let ids: Vec<String> = (0..20)
        .map(|seed| {
            sandbox.write(&format!("file-{seed}"), bytes(seed, 3_000));
            sandbox.backup(&[])["snapshot"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let pruned = sandbox.json(&["prune", "--grace", "0"]);
    assert!(number(&pruned, "packs_repacked") >= 32, "{pruned}");
    assert!(number(&pruned, "packs_written") <= 4, "{pruned}");
    sandbox.check_all_data();
    restores(&sandbox);
    assert_eq!(sandbox.json(&["ls", &ids[7]]).as_array().map(Vec::len), Some(8));
}
