use std::time::Duration;

use icecore_backup::{
    events::SourceProblem,
    problems::Problems,
    report::{BackupCounts, BackupReport},
};
use icecore_format::{
    node::Totals,
    snapshot::{DedupScope, Level},
};

use super::{BackupDocument, SourceDocument};
use crate::failure::{Failure, exit_status::ExitStatus};
use icecore_fixtures::documented::assert_documented;

fn report() -> BackupReport {
    BackupReport {
        snapshot: None,
        level: Level::Incremental,
        dedup: DedupScope::Repository,
        group: None,
        base: None,
        totals: Totals { entries: 12, files: 10, bytes: 5 << 20 },
        counts: BackupCounts {
            files_new: 1,
            files_changed: 2,
            files_unchanged: 7,
            files_read: 3,
            entries_removed: 1,
            bytes_read: 3 << 20,
            bytes_new: 1 << 20,
            bytes_compressed: 512 << 10,
            bytes_stored: 600 << 10,
            ..BackupCounts::default()
        },
        problems: Problems::default(),
        notices: Vec::new(),
        duration_read: Duration::from_millis(1500),
        duration: Duration::from_millis(1700),
    }
}

fn document(report: &BackupReport) -> SourceDocument {
    SourceDocument::done(b"/home", "home".to_owned(), false, report)
}

#[test]
fn a_summary_says_what_was_new_and_how_long_it_took() {
    let document = document(&report());
    let expected = "\
home: nothing was written; it would be a snapshot of level incremental
  files   1 new, 2 changed, 7 unchanged; 10 files in all with 5.0 MiB
  others  1 gone since then
  data    3.0 MiB read, 2.0 MiB deduplicated, 1.0 MiB new, 512.0 KiB compressed
  added   600.0 KiB to the repository
  time    1.5 s to read everything, 0.2 s until all was durable
";
    assert_eq!(document.done.as_ref().unwrap().summary("home", false), expected);
    assert_eq!(document.status(), ExitStatus::Done);
}

#[test]
fn a_partial_snapshot_and_a_failure_have_their_codes() {
    let mut partial = report();
    partial.problems.push(SourceProblem::Changing { path: b"a\xff".to_vec() });
    let document = document(&partial);
    assert_eq!(document.status(), ExitStatus::Partial);
    let value = serde_json::to_value(&document).unwrap();
    assert_eq!(value["problem_count"], 1);
    assert_eq!(value["problems"][0]["kind"], "changing");
    assert_eq!(value["problems"][0]["path_base64"], "Yf8=");
    assert_eq!(value["error"], serde_json::Value::Null);
    assert_documented(&document);
    assert_documented(&BackupDocument::new(false));
    let failed = SourceDocument::failed(b"/x", "x".to_owned(), Failure::usage("no"));
    assert_eq!(failed.status(), ExitStatus::Usage);
    assert_eq!(serde_json::to_value(&failed).unwrap()["error"]["code"], 2);
    assert_documented(&failed);
}
