//! Whole-system tests of Icecore, as one binary: they test behaviour that involves several crates.

// `cfg(test)` is always set here; it tells clippy that these are tests, which may unwrap.
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod changing;
#[cfg(test)]
mod copy;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deletions;
#[cfg(test)]
mod disk_full;
#[cfg(test)]
mod emptiness;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod entries;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod excludes;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod interruption;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod kms;
#[cfg(test)]
mod large_index;
#[cfg(test)]
mod latency;
#[cfg(test)]
mod levels;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod repacking;
#[cfg(test)]
mod repair;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod stats;
#[cfg(test)]
mod structure;
