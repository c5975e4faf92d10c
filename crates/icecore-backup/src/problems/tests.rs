use std::cell::Cell;

use icecore_format::{ids::RunId, node::Totals, snapshot::Level};

use super::*;
use crate::events::{BackupNotice, BackupProgress};

/// Counts the problems that it receives.
#[derive(Default)]
struct Told(std::sync::Mutex<Cell<u64>>);

impl BackupEvents for Told {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, _: &SourceProblem) {
        let told = self.0.lock().unwrap();
        told.set(told.get() + 1);
    }
    fn notice(&self, _: &BackupNotice) {}
}

#[test]
fn all_are_told_and_counted_and_the_first_are_kept() {
    let (mut problems, told) = (Problems::default(), Told::default());
    for number in 0..5000_u32 {
        problems.add(SourceProblem::Changing { path: number.to_be_bytes().to_vec() }, &told);
    }
    assert_eq!((problems.total(), told.0.lock().unwrap().get()), (5000, 5000));
    assert_eq!(problems.kept().len(), PROBLEMS_KEPT_MAX);
    assert!(matches!(&problems.kept()[7], SourceProblem::Changing { path } if *path == 7_u32.to_be_bytes()));
}

#[test]
fn a_directory_that_is_gone_is_told_once() {
    let (mut problems, told) = (Problems::default(), Told::default());
    for path in ["a", "b", "a", "b", "a"] {
        problems.add(SourceProblem::Gone { path: path.into() }, &told);
    }
    assert_eq!((problems.total(), told.0.lock().unwrap().get()), (2, 2));
}
