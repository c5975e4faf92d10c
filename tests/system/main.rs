//! Whole-system tests of Icecore, as one binary: what no single crate can show.

// `cfg(test)` is always set here; it tells clippy that these are tests, which may unwrap.
#[cfg(test)]
mod structure;
