//! `stats` predicts what `forget` and `prune` free: what really goes is compared with it.

use std::fs;

use serde_json::Value;

use crate::harness::{Sandbox, assert_same, bytes, read};

/// Prefixes of packs and their directories.
const PACKS: [&str; 3] = ["data", "meta/manifest", "meta/packs"];

/// Returns the number and the bytes of all objects below some prefixes.
fn stored(sandbox: &Sandbox, prefixes: &[&str]) -> (u64, u64) {
    let objects: Vec<_> = prefixes.iter().flat_map(|prefix| sandbox.objects(prefix)).collect();
    let length = |object| fs::metadata(sandbox.repository().join(object)).unwrap().len();
    (objects.len() as u64, objects.iter().map(length).sum())
}

fn write(sandbox: &Sandbox, path: &str, content: impl AsRef<[u8]>) {
    let path = sandbox.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Backs up a source, and returns the id of the snapshot.
fn backup(sandbox: &Sandbox, words: &[&str]) -> String {
    let document = sandbox.json(&[&["backup"], words].concat());
    document["sources"][0]["snapshot"]["id"].as_str().unwrap().to_owned()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("no number {field} in {value}"))
}

/// Returns the item of a list whose field has a value.
fn item<'v>(list: &'v Value, field: &str, value: &str) -> &'v Value {
    let is_meant = |item: &&Value| item[field] == value || item[field]["id"] == value;
    list.as_array().unwrap().iter().find(is_meant).unwrap_or_else(|| panic!("no {value} in {list}"))
}

/// Forgets snapshots, removes what is unused, and checks that exactly the predicted packs went.
#[track_caller]
fn assert_frees(sandbox: &Sandbox, ids: &[&str], predicted: &Value) {
    sandbox.run(&[&["forget", "--yes"], ids].concat()).expect(0);
    let freed = number(predicted, "bytes_freed");
    assert_removes(sandbox, number(predicted, "packs_freed"), freed);
    sandbox.check_all_data();
}

/// Removes what is unused, and checks how much that is.
#[track_caller]
fn assert_removes(sandbox: &Sandbox, packs: u64, bytes: u64) {
    let [packs_before, snapshots_before] = [&PACKS[..], &["meta/snapshots"]].map(|of| stored(sandbox, of).1);
    let removed = sandbox.json(&["prune", "--grace", "0", "--max-repack", "0"]);
    assert_eq!(number(&removed, "packs_removed"), packs);
    assert_eq!(packs_before - stored(sandbox, &PACKS).1, bytes);
    // The snapshot objects go, too.
    let snapshots = snapshots_before - stored(sandbox, &["meta/snapshots"]).1;
    assert_eq!(number(&removed, "bytes_removed"), bytes + snapshots);
}

/// Makes two sources with common and own files, and several snapshots of each. Returns the ids.
fn two_sources(sandbox: &Sandbox) -> (Vec<String>, Vec<String>) {
    write(sandbox, "first/common", bytes(1, 300_000));
    write(sandbox, "second/common", bytes(1, 300_000));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for day in 0..3 {
        write(sandbox, "first/changing", bytes(10 + day, 100_000));
        write(sandbox, &format!("first/added/{day}"), bytes(20 + day, 40_000));
        first.push(backup(sandbox, &["first"]));
        write(sandbox, "second/changing", bytes(30 + day, 60_000));
        second.push(backup(sandbox, &["second"]));
    }
    (first, second)
}

#[test]
fn forgetting_a_snapshot_frees_what_was_predicted() {
    let sandbox = Sandbox::with_repository();
    let (first, second) = two_sources(&sandbox);
    for id in [&first[1], &second[2], &first[0], &second[0], &first[2]] {
        let stats = sandbox.json(&["stats", "--snapshots"]);
        let predicted = item(&stats["by_snapshot"], "snapshot", id);
        assert!(number(predicted, "bytes_freed") > 0);
        // By name, the same is predicted.
        let named = sandbox.json(&["stats", id.as_str()]);
        for field in ["bytes_freed", "packs_freed", "bytes_alone", "chunks_alone", "bytes_shared"] {
            assert_eq!(named["selected"][field], predicted[field], "{field}");
        }
        assert_frees(&sandbox, &[id], predicted);
        assert_eq!(number(&sandbox.json(&["stats"])["unused"], "packs"), 0);
    }
}

#[test]
fn forgetting_several_snapshots_frees_what_was_predicted_for_all_of_them() {
    let sandbox = Sandbox::with_repository();
    let (first, second) = two_sources(&sandbox);
    let both = [first[1].as_str(), first[2].as_str()];
    let stats = sandbox.json(&["stats", both[0], both[1]]);
    let each: u64 =
        stats["by_snapshot"].as_array().unwrap().iter().map(|one| number(one, "bytes_freed")).sum();
    // What only these two share goes with both of them, but not with one of them.
    assert!(number(&stats["selected"], "bytes_freed") > each, "{stats}");
    assert_frees(&sandbox, &both, &stats["selected"]);
    // A whole source, by its row, by a filter and by a tag.
    let stats = sandbox.json(&["stats"]);
    let predicted = item(&stats["by_source"], "source", "second");
    let filtered = sandbox.json(&["stats", "--source", "second"]);
    for id in &second {
        sandbox.run(&["tag", id, "--add", "plan=old"]).expect(0);
    }
    let tagged = sandbox.json(&["stats", "--tag", "plan=old"]);
    for other in [&filtered, &tagged] {
        for field in ["snapshots", "bytes_freed", "bytes_alone", "bytes_shared", "bytes"] {
            assert_eq!(other["selected"][field], predicted[field], "{field}");
        }
        assert_eq!(other["by_source"].as_array().unwrap().len(), 1);
    }
    let ids: Vec<&str> = second.iter().map(String::as_str).collect();
    assert_frees(&sandbox, &ids, predicted);
}

#[test]
fn chunks_that_go_are_told_from_packs_that_go() {
    let sandbox = Sandbox::with_repository();
    write(&sandbox, "source/kept", bytes(1, 200_000));
    write(&sandbox, "source/removed", bytes(2, 100_000));
    let first = backup(&sandbox, &["source"]);
    fs::remove_file(sandbox.source("removed")).unwrap();
    let second = backup(&sandbox, &["source"]);
    let stats = sandbox.json(&["stats", "--snapshots"]);
    let [of_first, of_second] =
        [&first, &second].map(|id| item(&stats["by_snapshot"], "snapshot", id).clone());
    // The pack with the removed file also has the other one: its chunks are held alone, but nothing of it
    // goes.
    let alone = number(&of_first, "bytes_alone");
    assert!((100_000..105_000).contains(&alone), "{of_first}");
    assert!(number(&of_first, "bytes_freed") < 5_000, "{of_first}");
    assert!(number(&of_first, "bytes_shared") > 300_000, "{of_first}");
    assert!(number(&of_second, "bytes_alone") < 5_000, "{of_second}");
    let content = &stats["content"];
    assert_eq!(number(content, "bytes"), 500_000);
    assert_eq!(number(content, "bytes_deduplicated"), 300_000);
    assert!((1.6..1.7).contains(&content["deduplication_ratio"].as_f64().unwrap()), "{content}");
    assert!((0.99..1.0).contains(&content["compression_ratio"].as_f64().unwrap()), "{content}");
    // Afterwards, its data is unused in a pack that is needed.
    assert_frees(&sandbox, &[&first], &of_first);
    let stats = sandbox.json(&["stats"]);
    let inside = number(&stats["unused"], "bytes_in_needed_packs");
    assert!((100_000..105_000).contains(&inside), "{stats}");
    // What the last snapshot frees is everything, the unused data included.
    let last = &stats["selected"];
    assert_eq!(number(last, "bytes_freed"), stored(&sandbox, &PACKS).1);
    assert!(number(last, "bytes_alone") + inside < number(last, "bytes_freed"), "{stats}");
    assert_frees(&sandbox, &[&second], last);
}

#[test]
fn groups_hold_their_own_copies() {
    let sandbox = Sandbox::with_repository();
    write(&sandbox, "source/file", bytes(1, 300_000));
    let full = ["source", "--level", "full", "--dedup", "group"];
    let ids = [(); 2].map(|()| backup(&sandbox, &full));
    let stats = sandbox.json(&["stats", "--snapshots"]);
    let predicted = item(&stats["by_snapshot"], "snapshot", &ids[0]);
    assert!(number(predicted, "bytes_alone") > 300_000 && number(predicted, "bytes_shared") == 0);
    assert_eq!(number(&stats["content"], "bytes_deduplicated"), 600_000);
    assert_frees(&sandbox, &[&ids[0]], predicted);
}

#[test]
fn every_object_is_counted_by_kind() {
    let sandbox = Sandbox::with_repository();
    let (first, _) = two_sources(&sandbox);
    sandbox.run(&["forget", &first[0], "--prune", "--grace", "0"]).expect(0);
    sandbox.run(&["forget", &first[1]]).expect(0);
    let stats = sandbox.json(&["stats"]);
    let objects = stats["objects"].as_array().unwrap();
    let kinds = [
        ("data-packs", "data"),
        ("manifest-packs", "meta/manifest"),
        ("pack-directories", "meta/packs"),
        ("snapshots", "meta/snapshots"),
        ("log", "meta/log"),
        ("collections", "meta/gc"),
        ("keys", "meta/keys"),
    ];
    for (kind, prefix) in kinds {
        let row = item(&stats["objects"], "kind", kind);
        assert_eq!((number(row, "objects"), number(row, "bytes")), stored(&sandbox, &[prefix]), "{kind}");
    }
    let all = objects.iter().map(|row| number(row, "bytes")).sum::<u64>();
    assert_eq!(all, stored(&sandbox, &[""]).1, "{stats}");
    // What only the forgotten snapshot needs is unused until it is removed.
    let unused = &stats["unused"];
    assert!(number(unused, "packs") > 0);
    assert_removes(&sandbox, number(unused, "packs"), number(unused, "bytes"));
    // The months add up to all packs.
    let stats = sandbox.json(&["stats"]);
    let kept: u64 = stats["by_month"].as_array().unwrap().iter().map(|one| number(one, "bytes_kept")).sum();
    assert_eq!(kept, stored(&sandbox, &PACKS).1);
}

#[test]
fn the_text_has_a_table_for_each_question() {
    let sandbox = Sandbox::with_repository();
    let empty = sandbox.run(&["stats"]).expect(0);
    assert!(empty.text().contains("header"), "{}", empty.describe());
    assert_eq!(number(&sandbox.json(&["stats"])["selected"], "snapshots"), 0);
    let (first, _) = two_sources(&sandbox);
    let all = sandbox.run(&["stats"]).expect(0);
    for text in ["packs with file contents", "deduplication 2.", "files of 6 snapshots", "alone", "second"] {
        assert!(all.text().contains(text), "{text}\n{}", all.describe());
    }
    assert!(!all.text().contains(&first[0]) && !all.text().contains("month"));
    let shown = sandbox.run(&["stats", "--snapshots", "--growth", "--source", "first"]).expect(0);
    for text in [first[0].as_str(), "still stored", "forgetting 3 snapshots would free"] {
        assert!(shown.text().contains(text), "{text}\n{}", shown.describe());
    }
    assert!(!shown.text().contains("second") && !shown.text().contains("header"));
    sandbox.run(&["stats", "--source", "third"]).expect(0).says("no matching snapshots");
    sandbox.run(&["stats", "ffffffff"]).expect(1);
    sandbox.run(&["stats", "--tag", "=x"]).expect(2);
}

#[test]
fn nothing_is_written_and_damage_is_reported() {
    let sandbox = Sandbox::with_repository();
    let (first, _) = two_sources(&sandbox);
    let before = read(sandbox.repository());
    let stats = sandbox.json(&["stats"]);
    // A cold cache gives the same.
    fs::remove_dir_all(sandbox.cache()).unwrap();
    assert_eq!(sandbox.json(&["stats"]), stats);
    assert_same(&before, &read(sandbox.repository()));
    // A lost pack makes its snapshots unreadable, and the others are still counted.
    let names = sandbox.objects("data");
    fs::remove_file(sandbox.repository().join(names.last().unwrap())).unwrap();
    let damaged = sandbox.run(&["stats", "--json"]).expect(20);
    let document = damaged.json();
    assert!(!document["damage"].as_array().unwrap().is_empty(), "{document}");
    assert_eq!(number(&document["selected"], "snapshots"), 6);
    damaged.says("the figures are not exact");
    // Snapshots that disappeared are reported as everywhere.
    let gone = sandbox.objects("meta/snapshots").into_iter().find(|key| {
        let run = key.file_name().unwrap().to_string_lossy().into_owned();
        run.contains(&first[2])
    });
    fs::remove_file(sandbox.repository().join(gone.unwrap())).unwrap();
    sandbox.run(&["stats"]).expect(20);
}
