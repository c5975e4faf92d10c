//! The path of the program.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::machine;

/// Returns the path of the program, which is built together with the tests.
///
/// `ICECORE_TESTS_BINARY` names another one.
pub(super) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let built = || PathBuf::from(env!("CARGO_BIN_EXE_icecore-tested"));
        machine::variable("ICECORE_TESTS_BINARY").map_or_else(built, PathBuf::from)
    })
}
