//! Requests of reading commands, with a tree that is large enough for several batches of a restore.

use std::{fs, path::PathBuf};

use super::Bed;
use crate::harness::{assert_same, bytes, read, text};

/// Requests to unlock the repository, and to list log, snapshots and pack directories.
const OPEN_REQUESTS_MAX: usize = 6;
/// Maximum number of requests of a check of four snapshots and packs: unlocking (3), two listings, the
/// lifecycle rules, each object of `meta/`, and each pack of manifest nodes once.
const CHECK_REQUESTS_MAX: usize = 20;
/// The same with all packs; those of manifest nodes are read only once, and not in parts.
const CHECK_DATA_REQUESTS_MAX: usize = 22;

/// Makes a repository with two snapshots of 40 MB in 400 files, some of which have changed.
fn filled() -> Bed {
    let bed = Bed::with_repository();
    for number in 0..400_u64 {
        bed.sandbox.write(&format!("{}/{number}", number / 50), bytes(number, 100_000));
    }
    bed.sandbox.run(&["backup", "source"]).expect(0);
    for number in (0..400_u64).step_by(100) {
        bed.sandbox.write(&format!("{}/{number}", number / 50), text(number, 50_000));
    }
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed
}

/// Runs a command and returns its requests.
fn requests_of(bed: &Bed, words: &[&str]) -> Vec<String> {
    bed.server.forget_requests();
    bed.sandbox.run(words).expect(0);
    bed.server.requests().iter().map(|line| format!("{} {}?{}", line.method, line.path, line.query)).collect()
}

#[track_caller]
fn at_most(made: &[String], requests_max: usize) {
    assert!(made.len() <= requests_max, "{} requests:\n{}", made.len(), made.join("\n"));
}

fn of_manifests(made: &[String]) -> usize {
    made.iter().filter(|line| line.contains("/meta/manifest/")).count()
}

/// Returns the cached blocks of manifests.
fn cached_blocks(bed: &Bed) -> Vec<PathBuf> {
    let repositories = fs::read_dir(bed.sandbox.cache().join("icecore")).unwrap();
    let files = repositories.flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("block-")).collect()
}

#[test]
fn a_full_restore_asks_for_large_parts_of_packs() {
    let bed = filled();
    let made = requests_of(&bed, &["restore", "latest", "--target", "target"]);
    // 40 MB in one pack and 200 kB in another one: two batches, and several blocks that both of them need.
    at_most(&made, OPEN_REQUESTS_MAX + 2 + 4);
    assert_same(&read(&bed.sandbox.source("")), &read(&bed.sandbox.path("target")));
    let made = requests_of(&bed, &["restore", "latest:3/170", "--target", "one"]);
    at_most(&made, OPEN_REQUESTS_MAX + 1);
}

#[test]
fn blocks_of_manifests_are_fetched_by_the_first_command_alone() {
    let bed = filled();
    bed.sandbox.delete_cache();
    let first = requests_of(&bed, &["ls", "latest", "--recursive"]);
    assert!(of_manifests(&first) > 0, "{}", first.join("\n"));
    assert_eq!(cached_blocks(&bed).len(), of_manifests(&first));
    for words in [
        ["ls", "latest", "--recursive"].as_slice(),
        &["ls", "latest:3"],
        &["cat", "latest:3/170"],
        &["restore", "latest:3/170", "--target", "one"],
        &["backup", "source"],
    ] {
        let made = requests_of(&bed, words);
        assert_eq!(of_manifests(&made), 0, "{words:?}:\n{}", made.join("\n"));
    }
    at_most(&requests_of(&bed, &["ls", "latest", "--recursive"]), OPEN_REQUESTS_MAX);
    requests_of(&bed, &["diff", "latest~2", "latest"]);
    at_most(&requests_of(&bed, &["diff", "latest~2", "latest"]), OPEN_REQUESTS_MAX);
}

/// Damage to a file.
type Damage = fn(&mut Vec<u8>);

#[test]
fn a_cache_that_is_damaged_or_gone_costs_requests_and_nothing_else() {
    let bed = filled();
    let list = ["ls", "latest", "--recursive"];
    let listed = bed.sandbox.run(&list).expect(0).stdout;
    let blocks = cached_blocks(&bed);
    assert!(!blocks.is_empty());
    let damages: [Damage; 3] = [|bytes| bytes.truncate(100), |bytes| bytes[200] ^= 1, Vec::clear];
    for damage in damages {
        for path in &blocks {
            let mut content = fs::read(path).unwrap();
            damage(&mut content);
            fs::write(path, content).unwrap();
        }
        bed.server.forget_requests();
        assert_eq!(bed.sandbox.run(&list).expect(0).stdout, listed);
        let fetched =
            bed.server.requests().iter().filter(|line| line.path.contains("/meta/manifest/")).count();
        assert_eq!(fetched, blocks.len());
    }
    bed.sandbox.delete_cache();
    assert_eq!(bed.sandbox.run(&list).expect(0).stdout, listed);
}

#[test]
fn a_check_reads_each_object_once() {
    let bed = filled();
    let made = requests_of(&bed, &["check"]);
    at_most(&made, CHECK_REQUESTS_MAX);
    let made = requests_of(&bed, &["check", "--read-data"]);
    at_most(&made, CHECK_DATA_REQUESTS_MAX);
    let mut gets: Vec<_> = made.iter().filter(|line| !line.contains("prefix=")).collect();
    gets.sort_unstable();
    gets.dedup();
    assert_eq!(
        gets.len(),
        made.iter().filter(|line| !line.contains("prefix=")).count(),
        "{}",
        made.join("\n")
    );
}

#[test]
fn a_new_host_needs_few_requests() {
    let bed = filled();
    for (words, requests_max) in [
        (["snapshots"].as_slice(), 12),
        (&["restore", "latest:3/170", "--target", "one"], 19),
        (&["backup", "source"], 25),
    ] {
        bed.sandbox.delete_cache();
        at_most(&requests_of(&bed, words), requests_max);
    }
}
