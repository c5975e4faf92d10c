//! The rules for valid keys and prefixes, which are the same for every store.

use std::ops::Range;

use crate::error::StoreError;

/// Longest key, in bytes (the limit of S3).
pub const KEY_BYTES_MAX: usize = 1_024;
/// Longest part of a key between two `/`, in bytes (the limit of Linux file systems).
pub const PART_BYTES_MAX: usize = 255;

/// Fails with [`StoreError::InvalidKey`] unless every store can hold `key`.
pub fn check_key(key: &str) -> Result<(), StoreError> {
    if key.len() <= KEY_BYTES_MAX && key.split('/').all(|part| is_valid_part(part.as_bytes())) {
        Ok(())
    } else {
        Err(StoreError::InvalidKey { key: key.to_owned() })
    }
}

/// Fails with [`StoreError::InvalidKey`] unless `prefix` is empty, or a valid key followed by `/`.
pub fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    if prefix.is_empty() {
        return Ok(());
    }
    match prefix.strip_suffix('/') {
        Some(directory) if check_key(directory).is_ok() => Ok(()),
        _ => Err(StoreError::InvalidKey { key: prefix.to_owned() }),
    }
}

/// Returns whether `part` is valid between two `/` of a key.
pub fn is_valid_part(part: &[u8]) -> bool {
    !part.is_empty()
        && part.len() <= PART_BYTES_MAX
        && part != b"."
        && part != b".."
        && part.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Returns the part of `range` that lies inside an object of `size` bytes; fails with
/// [`StoreError::InvalidRange`] if there is none.
pub fn clip_range(key: &str, size: u64, range: &Range<u64>) -> Result<Range<u64>, StoreError> {
    if range.is_empty() || range.start >= size {
        return Err(StoreError::InvalidRange {
            key: key.to_owned(),
            size,
            start: range.start,
            end: range.end,
        });
    }
    Ok(range.start..range.end.min(size))
}

#[cfg(test)]
mod tests;
