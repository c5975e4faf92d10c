//! Fuzz targets: one function for each parser of external data.
//!
//! Each target takes any bytes and panics if a promise is broken: parsers never panic, and accepted data
//! obeys the rules and can be written again. libFuzzer runs the targets (`fuzz/`). An ordinary test
//! (`system/fuzzing.rs`) runs them, too: over the seeds and mutations of the seeds, without any tool.
//!
//! Data behind authentication is first sealed with the keys of an artificial repository. In this way, hostile
//! records get as far as records from a host that holds the key.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a target says that a promise is broken")]

pub mod seeds;
pub mod stored;
pub mod written;

use std::{collections::BTreeMap, sync::LazyLock};

use icecore_format::{
    ids::RepositoryId,
    keys::{Keys, Secret},
    seal::Salt,
};

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name that selects the target in the program in `fuzz/`.
    pub name: &'static str,
    /// Gives any bytes to the parser; panics if a promise is broken.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$(Target { name: stringify!($name), run: $module::$name }),*]
    };
}

/// All targets.
pub const TARGETS: [Target; 24] = targets![
    stored::header,
    stored::header_record,
    stored::sealed_frame,
    stored::compression,
    stored::block,
    stored::key_slot,
    stored::key_slot_payload,
    stored::pack,
    stored::pack_directory,
    stored::snapshot,
    stored::log_record,
    stored::index_object,
    stored::collection_record,
    stored::bundle,
    stored::manifest_node,
    stored::chunk_list,
    stored::catalogue_row,
    written::key_file,
    written::reference,
    written::location,
    written::excludes,
    written::includes,
    written::byte_size,
    written::configuration,
];

/// Salt of everything that the targets seal; it protects nothing.
const SALT: Salt = [5; 32];

/// Returns the keys of the artificial repository.
fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let masters = BTreeMap::from([(0, Secret::new([7; 32]))]);
        Keys::derive(RepositoryId([1; 16]), masters).unwrap_or_else(|error| panic!("no keys: {error}"))
    });
    &KEYS
}
