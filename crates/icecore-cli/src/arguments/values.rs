//! Values of options that several commands have.

use std::num::NonZeroUsize;

use icecore_policy::{COMPRESSION_LEVELS, PACK_BYTES_RANGE, READ_CONCURRENCY_MAX, parse_byte_size};

/// Reads a tag.
pub(crate) fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a tag is written KEY=VALUE".to_owned()),
    }
}

/// Reads a compression level.
pub(crate) fn parse_compression(text: &str) -> Result<i32, String> {
    let (low, high) = COMPRESSION_LEVELS.into_inner();
    let level = text.parse().ok().filter(|level| COMPRESSION_LEVELS.contains(level));
    level.ok_or_else(|| format!("levels are whole numbers from {low} to {high}"))
}

/// Reads the size of a pack.
pub(crate) fn parse_pack_size(text: &str) -> Result<u64, String> {
    let bytes = parse_byte_size(text).map_err(|error| error.to_string())?;
    let (low, high) = (PACK_BYTES_RANGE.start() >> 20, PACK_BYTES_RANGE.end() >> 20);
    if PACK_BYTES_RANGE.contains(&bytes) {
        Ok(bytes)
    } else {
        Err(format!("the size is {low}MiB to {high}MiB"))
    }
}

/// Reads how many files to read at the same time.
pub(crate) fn parse_concurrency(text: &str) -> Result<NonZeroUsize, String> {
    let number: Option<NonZeroUsize> = text.parse().ok();
    number
        .filter(|number| number.get() <= READ_CONCURRENCY_MAX)
        .ok_or_else(|| format!("it is a whole number from 1 to {READ_CONCURRENCY_MAX}"))
}
