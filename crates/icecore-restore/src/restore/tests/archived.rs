//! Packs that must be thawed first.

use icecore_repo::reader::ChunkReader;

use crate::{
    RestoreReport, RestoreRequest,
    fixture::{Fixture, Item, Recorder, Target, directory, file, noise, texts},
    restore,
};

fn files(count: u64) -> Vec<Item> {
    let mut items = vec![directory("")];
    items.extend((0..count).map(|number| file(&format!("f{number:03}"), noise(number, 30_000))));
    items
}

fn run(reader: &ChunkReader, request: &RestoreRequest) -> RestoreReport {
    restore(reader, request, &Recorder::default()).unwrap()
}

fn keys(report: &RestoreReport) -> Vec<String> {
    report.archived_packs.iter().map(|pack| pack.key.clone()).collect()
}

#[test]
fn everything_else_is_restored_and_all_packs_are_named() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot(files(150));
    let packs = fixture.keys("data/");
    assert!(packs.len() >= 4, "{packs:?}");
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let report = run(&fixture.reader_without(&packs[1..3]), &request);
    assert!(report.archived > 10, "{:?}", texts(&report));
    assert_eq!((report.problem_count, report.damaged), (report.archived, 0));
    assert_eq!(report.counts.files_written, 150 - report.archived);
    assert_eq!(keys(&report), packs[1..3]);
    let after = run(&fixture.reader(), &request);
    assert_eq!((after.problem_count, after.archived_packs.len()), (0, 0));
    assert_eq!(after.counts.files_written, report.archived, "what was restored is not restored again");
}

#[test]
fn a_large_file_names_all_packs_that_it_needs() {
    let mut fixture = Fixture::new();
    fixture.chunk_bytes = 16 << 10;
    let snapshot = fixture.snapshot(vec![directory(""), file("big", noise(1, 12 << 20)), file("ok", "ok")]);
    let packs = fixture.keys("data/");
    let archived = [packs[2].clone(), packs[9].clone()];
    let target = Target::new();
    let request = RestoreRequest::new(snapshot, target.root());
    let report = run(&fixture.reader_without(&archived), &request);
    assert_eq!((report.problem_count, report.archived), (1, 1), "{:?}", texts(&report));
    assert_eq!(keys(&report), archived);
    assert_eq!(target.list(), ["ok"], "no temporary file is left");
}

#[test]
fn packs_of_which_the_target_has_everything_are_not_named() {
    let mut fixture = Fixture::new();
    fixture.chunk_bytes = 16 << 10;
    let old = noise(1, 12 << 20);
    let mut new = old.clone();
    new[11 << 20] ^= 1;
    let first = fixture.snapshot(vec![directory(""), file("big", &old)]);
    let packs = fixture.keys("data/");
    let changed = file("big", &new).with(|entry| entry.modified.seconds += 1);
    let second = fixture.snapshot(vec![directory(""), changed]);
    let all = fixture.keys("data/");
    let own: Vec<String> = all.iter().filter(|key| !packs.contains(key)).cloned().collect();
    let target = Target::new();
    fixture.restore(&RestoreRequest::new(first, target.root()));
    let report = run(&fixture.reader_without(&all), &RestoreRequest::new(second, target.root()));
    assert_eq!(report.archived, 1, "{:?}", texts(&report));
    assert_eq!(keys(&report), own, "the rest is in the file that is there");
    assert_eq!(target.read("big"), old);
}
