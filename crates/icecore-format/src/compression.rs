//! zstd with reused contexts, and the decision to store incompressible data raw.

use std::cell::RefCell;

use crate::error::{FormatError, FormatResult};

/// How the plaintext of a block or record is represented before sealing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// Uncompressed.
    Raw = 0,
    /// One zstd frame (RFC 8878) without checksum and dictionary.
    Zstd = 1,
}

impl Codec {
    /// Reads a codec from its number.
    pub fn from_number(number: u8) -> FormatResult<Self> {
        match number {
            0 => Ok(Self::Raw),
            1 => Ok(Self::Zstd),
            _ => Err(FormatError::malformed("block", "unknown compression codec")),
        }
    }
}

/// Level for records (pack directories, snapshots): small, written once.
const RECORD_LEVEL: i32 = 3;
/// Largest sample that is tried before a whole block is compressed, in bytes.
const SAMPLE_BYTES: usize = 16 << 10;

/// A reusable zstd compressor of one level.
pub struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    sampler: zstd::bulk::Compressor<'static>,
    sample: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Compressor").finish_non_exhaustive()
    }
}

fn compression_failed(error: &std::io::Error) -> FormatError {
    FormatError::Compression { reason: error.to_string() }
}

fn context(level: i32) -> FormatResult<zstd::bulk::Compressor<'static>> {
    zstd::bulk::Compressor::new(level).map_err(|error| compression_failed(&error))
}

impl Compressor {
    /// Makes a compressor; levels are zstd's, negative ones are faster.
    pub fn new(level: i32) -> FormatResult<Self> {
        Ok(Self { context: context(level)?, sampler: context(1)?, sample: Vec::new() })
    }

    /// Compresses `plain` into `out` (replacing its content) if that makes it smaller; otherwise leaves `out`
    /// empty and returns [`Codec::Raw`].
    pub fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> FormatResult<Codec> {
        out.clear();
        if plain.is_empty() || !self.looks_compressible(plain)? {
            return Ok(Codec::Raw);
        }
        out.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        self.context.compress_to_buffer(plain, out).map_err(|error| compression_failed(&error))?;
        if out.len() < plain.len() {
            return Ok(Codec::Zstd);
        }
        out.clear();
        Ok(Codec::Raw)
    }

    /// Tries a few samples at the fastest level, so that compressed files and random data cost almost
    /// nothing.
    fn looks_compressible(&mut self, plain: &[u8]) -> FormatResult<bool> {
        if plain.len() < SAMPLE_BYTES * 8 {
            return Ok(true);
        }
        self.sample.reserve(zstd::zstd_safe::compress_bound(SAMPLE_BYTES));
        for part in 0..4 {
            let start = (plain.len() - SAMPLE_BYTES) / 3 * part;
            let sample = &plain[start..start + SAMPLE_BYTES];
            self.sampler
                .compress_to_buffer(sample, &mut self.sample)
                .map_err(|error| compression_failed(&error))?;
            if self.sample.len() < SAMPLE_BYTES - SAMPLE_BYTES / 32 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Compresses a record if that makes it smaller.
pub(crate) fn compress_record(record: &[u8]) -> FormatResult<(Codec, std::borrow::Cow<'_, [u8]>)> {
    let mut out = Vec::new();
    match Compressor::new(RECORD_LEVEL)?.compress(record, &mut out)? {
        Codec::Zstd => Ok((Codec::Zstd, out.into())),
        Codec::Raw => Ok((Codec::Raw, record.into())),
    }
}

thread_local! {
    /// Making a decompressor takes longer than decompressing a small record, and a repository has many.
    static FOR_RECORDS: RefCell<Option<Decompressor>> = const { RefCell::new(None) };
}

/// Decompresses a record of exactly `length` bytes, which the caller has bounded.
pub(crate) fn decompress_record(codec: Codec, stored: &[u8], length: usize) -> FormatResult<Vec<u8>> {
    let mut record = Vec::new();
    FOR_RECORDS.with(|kept| {
        let mut decompressor = match kept.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        decompressor.decompress(codec, stored, length, &mut record)?;
        kept.replace(Some(decompressor));
        Ok(record)
    })
}

/// A reusable decompressor.
pub struct Decompressor {
    context: zstd::bulk::Decompressor<'static>,
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// Makes a decompressor.
    pub fn new() -> FormatResult<Self> {
        match zstd::bulk::Decompressor::new() {
            Ok(context) => Ok(Self { context }),
            Err(_) => Err(FormatError::Decompression { what: "block" }),
        }
    }

    /// Decompresses exactly `length` bytes into `out`, replacing its content; allocates no more than that.
    ///
    /// The caller has bounded `length`.
    pub fn decompress(
        &mut self,
        codec: Codec,
        stored: &[u8],
        length: usize,
        out: &mut Vec<u8>,
    ) -> FormatResult<()> {
        out.clear();
        match codec {
            Codec::Raw => out.extend_from_slice(stored),
            Codec::Zstd => {
                out.reserve_exact(length);
                // The spare capacity may exceed `length`; the check of the length below still catches a
                // longer result.
                if self.context.decompress_to_buffer(stored, out).is_err() {
                    out.clear();
                    return Err(FormatError::Decompression { what: "block" });
                }
            }
        }
        if out.len() != length {
            out.clear();
            return Err(FormatError::Decompression { what: "block" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
