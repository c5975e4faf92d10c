use icecore_check::SnapshotCheck;
use icecore_format::history::Fate;

use super::*;
use crate::check::document::NewestWholeDocument;
use icecore_fixtures::snapshots::snapshot;

fn report(snapshots: &[(&Snapshot, bool)], lost: &[&Snapshot]) -> CheckReport {
    let check = |(snapshot, restorable): &(&Snapshot, bool)| SnapshotCheck {
        run: snapshot.origin.run,
        opens: true,
        restorable: *restorable,
        files_damaged: 0,
        examples: Vec::new(),
        packs_damaged: Vec::new(),
        mark: None,
    };
    let loss = |snapshot: &&Snapshot| Loss::Snapshot {
        snapshot: CompletedSnapshot::of(snapshot).unwrap(),
        fate: Fate::Vanished,
    };
    let losses = lost.iter().map(loss).collect();
    CheckReport { snapshots: snapshots.iter().map(check).collect(), losses, ..CheckReport::default() }
}

/// Returns the source, the id and the counts of each item.
fn found(report: &CheckReport, list: &SnapshotList) -> Vec<(String, Option<RunId>, u64, u64)> {
    let item = |one: &NewestWhole<'_>| {
        let run = one.snapshot.map(|snapshot| snapshot.origin.run);
        (format!("{}@{}", one.source, one.host), run, one.newer_damaged, one.newer_missing)
    };
    newest_whole(report, list, &[]).iter().map(item).collect()
}

#[test]
fn the_newest_that_is_whole_and_what_was_newer() {
    let all: Vec<Snapshot> =
        (1..=6).map(|number| snapshot("etc", "web", number, 100 * i64::from(number), true)).collect();
    let pending = snapshot("etc", "web", 9, 900, false);
    let other = snapshot("etc", "db", 7, 100, true);
    let gone = snapshot("home", "web", 8, 100, true);
    let there = [all[0].clone(), all[1].clone(), all[2].clone(), all[4].clone(), other.clone(), pending];
    let list = SnapshotList::of(there.to_vec());
    // The fourth and the last are missing, the fifth is damaged, the third was replaced by another one.
    let report = report(
        &[(&all[0], true), (&all[1], true), (&all[2], true), (&all[4], false), (&other, true)],
        &[&all[3], &all[5], &all[2], &gone],
    );
    assert_eq!(
        found(&report, &list),
        [
            ("etc@db".to_owned(), Some(other.origin.run), 0, 0),
            ("etc@web".to_owned(), Some(all[1].origin.run), 1, 3),
            ("home@web".to_owned(), None, 0, 1),
        ]
    );
    let newest = newest_whole(&report, &list, &[]);
    let documents: Vec<_> = newest.iter().map(NewestWholeDocument::from).collect();
    let value = serde_json::to_value(documents).unwrap();
    assert_eq!(value[1]["id"], all[1].origin.run.snapshot_id());
    assert!(value[2]["id"].is_null() && value[2]["time"].is_null());
}

#[test]
fn a_repository_that_is_whole_has_nothing_newer() {
    let (old, new) = (snapshot("etc", "web", 1, 100, true), snapshot("etc", "web", 2, 200, true));
    let list = SnapshotList::of(vec![old.clone(), new.clone()]);
    let report = report(&[(&old, true), (&new, true)], &[]);
    assert_eq!(found(&report, &list), [("etc@web".to_owned(), Some(new.origin.run), 0, 0)]);
}
