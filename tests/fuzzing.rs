//! Fuzz targets: one function for each parser of what comes from outside.
//!
//! Each takes any bytes and panics where a promise is broken: that nothing panics, that what was accepted
//! obeys the rules and can be written again. libFuzzer drives them (`fuzz/`), and an ordinary test does
//! (`system/fuzzing.rs`): over the seeds and over mutations of these, without any tool.
//!
//! What lies behind authentication is sealed with the keys of a made-up repository first, so that hostile
//! records get as far as those of a host that holds the key would.

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
    /// Name, by which the program in `fuzz/` is told what to run.
    pub name: &'static str,
    /// Gives any bytes to the parser; panics where a promise is broken.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$(Target { name: stringify!($name), run: $module::$name }),*]
    };
}

/// All targets.
pub const TARGETS: [Target; 23] = targets![
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

/// Salt of everything that the targets seal; what they seal protects nothing.
const SALT: Salt = [5; 32];

/// Returns the keys of the made-up repository.
fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let masters = BTreeMap::from([(0, Secret::new([7; 32]))]);
        Keys::derive(RepositoryId([1; 16]), masters).unwrap_or_else(|error| panic!("no keys: {error}"))
    });
    &KEYS
}
