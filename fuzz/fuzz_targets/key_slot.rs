//! A key slot as anybody who can write to the store may leave it.

#![no_main]

use icecore_format::{
    keys::Secret,
    slot::{Credential, open_slot, read_slot},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|object: &[u8]| {
    if read_slot(object).is_ok() {
        // Only by key file: a password would make each execution take a second.
        open_slot(object, &Credential::KeyFile(Secret::new([3; 32]))).err();
    }
});
