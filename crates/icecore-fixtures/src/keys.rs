//! Credentials.

use icecore_format::{keys::Secret, slot::Credential};

/// Returns the key file that consists of repetitions of this byte.
pub fn key_file(byte: u8) -> Credential {
    Credential::KeyFile(Secret::new([byte; 32]))
}
