//! Repositories that a malicious host writes with the right key, met by every command: nothing outside of a
//! target is touched, memory stays bounded, nothing panics or hangs, and what is wrong is said.
//!
//! Each cell is data: how to forge the repository, and what is to come of it. `run` checks all the rest.

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
