//! Bundles: the opened records of many small objects, in one sealed record that a host keeps locally.
//!
//! A bundle is never stored in a repository and may be lost at any time. It contains the records as they came
//! out of their objects, not as this program parsed them: a later program that knows more of their fields
//! finds these, too.

use minicbor::{Decoder, Encoder};

use crate::{
    cbor::array_length,
    error::{FormatError, FormatResult},
    ids::RecordHash,
    keys::Keys,
    limits::BUNDLE_BYTES_MAX,
    seal::{ObjectKind, Salt, open_object, seal_object},
};

const WHAT: &str = "bundle";
/// Most bytes that a record takes in a bundle besides its key, its version and itself: five heads and a hash.
const RECORD_OVERHEAD: usize = 1 + 5 + 5 + 2 + RecordHash::BYTES + 5;

/// The record of an object, as it was when the object was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundledRecord<'a> {
    /// Key of the object.
    pub key: &'a str,
    /// The store's version of the object. If the store lists another one, the object has changed.
    pub version: &'a str,
    /// Hash of the sealed object, by which other records refer to it.
    pub hash: RecordHash,
    /// The record in the object.
    pub record: &'a [u8],
}

/// Collects records for a bundle.
#[derive(Debug)]
pub struct BundleWriter {
    encoder: Encoder<Vec<u8>>,
    records: usize,
}

impl Default for BundleWriter {
    fn default() -> Self {
        Self { encoder: Encoder::new(Vec::new()), records: 0 }
    }
}

impl BundleWriter {
    /// Adds a record; returns whether there was room for it.
    pub fn push(&mut self, record: &BundledRecord<'_>) -> FormatResult<bool> {
        let length = record.key.len() + record.version.len() + record.record.len() + RECORD_OVERHEAD;
        if self.encoder.writer().len() + length > BUNDLE_BYTES_MAX as usize {
            return Ok(false);
        }
        self.encoder.array(4)?.str(record.key)?.str(record.version)?.bytes(&record.hash.0)?;
        self.encoder.bytes(record.record)?;
        self.records += 1;
        Ok(true)
    }

    /// Returns the number of records.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Seals the added records.
    pub fn seal(self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        seal_object(keys, ObjectKind::Bundle, salt, &self.encoder.into_writer())
    }
}

/// Opens a bundle and returns the bytes for [`records`].
pub fn open(keys: &Keys, sealed: &[u8]) -> FormatResult<Vec<u8>> {
    open_object(keys, ObjectKind::Bundle, sealed)
}

/// Reads the records of an opened bundle, in the order in which they were added.
pub fn records(opened: &[u8]) -> FormatResult<Vec<BundledRecord<'_>>> {
    let mut decoder = Decoder::new(opened);
    let mut records = Vec::new();
    while decoder.position() < opened.len() {
        if array_length(&mut decoder, WHAT, 4)? != 4 {
            return Err(FormatError::malformed(WHAT, "a record does not have four parts"));
        }
        let (key, version) = (decoder.str()?, decoder.str()?);
        let hash = RecordHash::from_slice(decoder.bytes()?)?;
        records.push(BundledRecord { key, version, hash, record: decoder.bytes()? });
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
