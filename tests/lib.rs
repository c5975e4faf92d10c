//! Whole-system tests of Icecore; see `system/`.
