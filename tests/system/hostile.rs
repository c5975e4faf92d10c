//! Repositories that a malicious host writes with the right key, with every command: no file outside the
//! target changes, memory stays bounded, nothing panics or hangs, and every problem is reported.
//!
//! Each cell is data: how to forge the repository, and the expected result. `run` checks everything else.

mod forge;
mod lengths;
mod metadata;
mod objects;
mod paths;
mod record;
mod run;
mod trees;

use std::panic::catch_unwind;

use self::run::{Cell, incomplete};

/// An absolute path that snapshots try to write to.
const ABSOLUTE: &str = "/tmp/icecore-hostile-absolute";

/// Runs cells one after the other, all of them even if some fail.
fn run_all(cells: &[Cell]) {
    let fails = |cell: &&Cell| catch_unwind(|| run::run(cell)).is_err();
    let failed: Vec<&str> = cells.iter().filter(fails).map(|cell| cell.name).collect();
    assert!(failed.is_empty(), "these fail: {failed:#?}");
}
