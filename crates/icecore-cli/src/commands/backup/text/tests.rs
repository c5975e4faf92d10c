use std::time::Duration;

use icecore_backup::{
    error::BackupError,
    events::SourceProblem,
    problems::Problems,
    report::{BackupCounts, BackupReport as EngineReport},
};
use icecore_format::{
    node::Totals,
    snapshot::{DedupScope, Level},
};

use icecore_fixtures::documented::assert_documented;
use icecore_operations::{
    backup::{BackupDocument, BackupFault, BackupReport, SourceDocument, SourceReport, SourceSuccess},
    documents::ErrorDocument,
    error::OperationError,
};

use super::summary;
use crate::failure::{Failure, exit_status::ExitStatus, status};

fn report() -> EngineReport {
    EngineReport {
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

fn success(report: EngineReport) -> SourceSuccess {
    SourceSuccess { dry_run: false, report, ineffective: None }
}

fn source(report: EngineReport) -> SourceReport {
    SourceReport { shown: b"/home".to_vec(), name: "home".to_owned(), result: Ok(success(report)) }
}

fn whole(source: SourceReport) -> BackupReport {
    BackupReport {
        repository: None,
        created: None,
        dry_run: false,
        losses: Vec::new(),
        sources: vec![source],
        usage: None,
    }
}

fn describe(error: &OperationError) -> ErrorDocument {
    Failure::of_operation(error).document()
}

#[test]
fn a_summary_says_what_was_new_and_how_long_it_took() {
    let expected = "\
home: dry run, nothing was written; the snapshot would be incremental
  files   1 new, 2 changed, 7 unchanged; in total 10 files with 5.0 MiB, and 2 directories, links and special files
  others  1 removed since then
  data    3.0 MiB read, 2.0 MiB deduplicated, 1.0 MiB new, 512.0 KiB compressed
  added   600.0 KiB to the repository
  time    1.5 s to read everything, 0.2 s more until everything was stored
";
    assert_eq!(summary("home", &success(report())), expected);
    assert_eq!(status::of_backup_report(&whole(source(report()))), ExitStatus::Done);
}

#[test]
fn a_summary_says_in_words_that_nothing_was_added() {
    let mut unchanged = report();
    unchanged.counts.bytes_stored = 0;
    unchanged.totals.entries = 11;
    let text = summary("home", &success(unchanged));
    assert!(text.contains("  added   no data, because the repository already has all of it\n"), "{text}");
    assert!(text.contains("10 files with 5.0 MiB, and 1 directory, link or special file\n"), "{text}");
}

#[test]
fn a_partial_snapshot_and_a_failure_have_their_codes() {
    let mut partial = report();
    partial.problems.push(SourceProblem::Changing { path: b"a\xff".to_vec() });
    let partial = whole(source(partial));
    assert_eq!(status::of_backup_report(&partial), ExitStatus::Partial);
    let document = SourceDocument::new(&partial.sources[0], &describe);
    let value = serde_json::to_value(&document).unwrap();
    assert_eq!(value["problem_count"], 1);
    assert_eq!(value["problems"][0]["kind"], "changing");
    assert_eq!(value["problems"][0]["path_base64"], "Yf8=");
    assert_eq!(value["error"], serde_json::Value::Null);
    assert_documented(&document);
    assert_documented(&BackupDocument::new(&partial, &describe));
    let error = BackupFault::OtherRoot { name: "x".to_owned(), last: b"/y".to_vec(), root: b"/x".to_vec() };
    let failed = whole(SourceReport::failed(b"/x".to_vec(), "x".to_owned(), error.into()));
    assert_eq!(status::of_backup_report(&failed), ExitStatus::Usage);
    let document = SourceDocument::new(&failed.sources[0], &describe);
    assert_eq!(serde_json::to_value(&document).unwrap()["error"]["code"], 2);
    assert_documented(&document);
}

#[test]
fn a_backup_that_failed_names_its_source_and_keeps_the_advice() {
    let error = BackupFault::NoSnapshot { shown: b"/home".to_vec(), source: BackupError::StreamEmpty.into() };
    let failure = Failure::of_operation(&error.into());
    assert_eq!(failure.message, "failed to back up /home: the stream is empty");
    assert_eq!(failure.status, ExitStatus::Failed);
    assert!(String::from(failure.hint.unwrap()).contains("--allow-empty"));
}
