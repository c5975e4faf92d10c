//! Values of options that several commands have.

use std::{
    ffi::{OsStr, OsString},
    num::NonZeroUsize,
    os::unix::ffi::OsStrExt,
    time::Duration,
};

use clap::builder::{OsStringValueParser, TypedValueParser};
use icecore_format::ids::RunId;
use icecore_policy::{COMPRESSION_LEVELS, PACK_BYTES_RANGE, READ_CONCURRENCY_MAX, parse_byte_size};
use jiff::{Span, SpanRelativeTo};

/// Reads a tag.
pub(crate) fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a tag has the form KEY=VALUE".to_owned()),
    }
}

/// Reads a compression level.
pub(crate) fn parse_compression(text: &str) -> Result<i32, String> {
    let (low, high) = COMPRESSION_LEVELS.into_inner();
    let level = text.parse().ok().filter(|level| COMPRESSION_LEVELS.contains(level));
    level.ok_or_else(|| format!("the level must be a whole number from {low} to {high}"))
}

/// Reads a number of bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    parse_byte_size(text).map_err(|error| error.to_string())
}

/// Reads the size of a pack.
pub(crate) fn parse_pack_size(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text)?;
    let (low, high) = (PACK_BYTES_RANGE.start() >> 20, PACK_BYTES_RANGE.end() >> 20);
    if PACK_BYTES_RANGE.contains(&bytes) {
        Ok(bytes)
    } else {
        Err(format!("the size must be between {low}MiB and {high}MiB"))
    }
}

/// Reads how many files to read at the same time.
pub(crate) fn parse_concurrency(text: &str) -> Result<NonZeroUsize, String> {
    let number: Option<NonZeroUsize> = text.parse().ok();
    number
        .filter(|number| number.get() <= READ_CONCURRENCY_MAX)
        .ok_or_else(|| format!("the value must be a whole number from 1 to {READ_CONCURRENCY_MAX}"))
}

/// Reads a length of time, such as 12h, 3d or 0; a day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let span: Span =
        text.parse().map_err(|_| "a length of time is written like 90m, 12h, 3d or 2w".to_owned())?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let span = span.map_err(|_| "months and years have no fixed length, write days".to_owned())?;
    Duration::try_from(span).map_err(|_| "a length of time is not negative".to_owned())
}

/// Reads the name of a run: 32 hexadecimal digits.
pub(crate) fn parse_run(text: &str) -> Result<RunId, String> {
    RunId::from_hex(text)
        .map_err(|_| "a run has a name of 32 hexadecimal digits, as `prune` shows it".to_owned())
}

/// Returns the reader of a directory of this machine: a URL would become a directory with a strange name.
pub(crate) fn local_directory() -> impl TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(|value| {
        if is_url(&value) {
            return Err("it is a directory of this machine, not a URL; for a directory of that name write ./ before it");
        }
        Ok(value)
    })
}

fn is_url(value: &OsStr) -> bool {
    let bytes = value.as_bytes();
    let Some(end) = bytes.windows(3).position(|part| part == b"://") else { return false };
    let scheme = &bytes[..end];
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
}

#[cfg(test)]
mod tests;
