//! Compares the workspace with the promises in its documents.
//!
//! Each check is a function from data to a list of faults. So it can be tested with the real workspace and
//! with a broken one.

mod circles;
mod documents;
mod layers;
mod markdown;
mod names;
mod rust;
mod workspace;

/// Fails with every fault, one on a line.
#[track_caller]
fn assert_no_faults(faults: &[String]) {
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}

/// Fails unless one of `faults` contains `text`.
#[track_caller]
fn assert_fault(faults: &[String], text: &str) {
    assert!(faults.iter().any(|fault| fault.contains(text)), "no fault says {text:?}: {faults:?}");
}
