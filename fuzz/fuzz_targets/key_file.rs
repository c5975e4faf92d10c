//! The text of a key file.

#![no_main]

use icecore_format::slot::{read_key_file, write_key_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok((Some(repository), secret)) = read_key_file(text) {
        let written = write_key_file(repository, &secret);
        assert_eq!(read_key_file(&written), Ok((Some(repository), secret)));
    }
});
