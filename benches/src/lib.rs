//! Benches of Icecore; see `docs/performance.md`.
