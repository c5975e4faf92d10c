//! Bytes of a pack and of the header of a repository, from outside.

#![no_main]

use icecore_format::{header::Header, pack::read_directory_copy, seal::ObjectKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let keys = icecore_fuzz::keys();
    read_directory_copy(&keys, ObjectKind::Data, bytes).err();
    Header::open(&keys, bytes).err();
});
