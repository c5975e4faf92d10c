//! The record of a pack directory, sealed with the right key.

#![no_main]

use icecore_format::{
    directory::PackDirectory,
    ids::{PackName, RunId},
    seal::{ObjectKind, seal_object},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    let keys = icecore_fuzz::keys();
    let Ok(object) = seal_object(&keys, ObjectKind::Directory, &[5; 32], record) else { return };
    let pack = PackName { run: RunId([2; 16]), number: 0 };
    let Ok(directory) = PackDirectory::open(&keys, pack, &object) else { return };
    let chunks: usize = directory.blocks.iter().map(|block| directory.block_chunks(block).len()).sum();
    assert_eq!(chunks, directory.chunks.len());
});
