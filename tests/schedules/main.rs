//! Schedules of several runs that work on one repository at the same time, and a judge of what they leave.

// `cfg(test)` is always set here; it tells clippy that these are tests, which may unwrap.
#[cfg(test)]
mod judge;
