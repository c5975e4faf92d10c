use icecore_restore::{RestoreReport, RestoreRequest};

use super::summary;
use icecore_fixtures::snapshots::snapshot;

fn request() -> RestoreRequest {
    RestoreRequest::new(snapshot("etc", "here", 1, 1_700_000_000, true), "/tmp/x")
}

#[test]
fn a_summary_says_what_was_done() {
    let expected = "\
snapshot 01010101010101010101 of etc was NOT completely restored to /tmp/x
  files    3 written with 0 B, 0 already up to date, 0 with new metadata
  created  1 directory
  others   2 removed
  fetched  0 B, 0 B reused from existing files
  time     0.0 s, then 0.0 s until everything was on disk
";
    assert_eq!(summary(&request(), &RestoreReport::example()), expected);
    let single = RestoreReport { single: Some(b"report.txt".to_vec()), ..RestoreReport::default() };
    let whole = summary(&request(), &single);
    assert!(
        whole.starts_with("snapshot 01010101010101010101 of etc restored to /tmp/x/report.txt\n"),
        "{whole}"
    );
    let planned = summary(&RestoreRequest { dry_run: true, ..request() }, &RestoreReport::example());
    assert!(planned.starts_with(
        "snapshot 01010101010101010101 of etc: dry run, nothing was changed in /tmp/x; the result would be\n"
    ));
}
