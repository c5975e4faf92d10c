//! Bundles: what many small objects hold, opened before, in one sealed record that a host keeps for itself.
//!
//! A bundle is never stored in a repository and may be lost at any time. It has the records as they came out
//! of their objects and not what this program made of them: a later program, which knows more of their
//! fields, finds these too.

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
/// Bytes that a record takes in a bundle beside its key, its version and itself, at most: five heads and a
/// hash.
const RECORD_OVERHEAD: usize = 1 + 5 + 5 + 2 + RecordHash::BYTES + 5;

/// What an object holds, as it was when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundledRecord<'a> {
    /// Key of the object.
    pub key: &'a str,
    /// The store's version of the object. If the store lists another one, the object has changed.
    pub version: &'a str,
    /// Hash of the sealed object, which is how others refer to it.
    pub hash: RecordHash,
    /// The record that was in it.
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
    /// Adds a record; says whether there was room for it.
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

    /// Seals what was added.
    pub fn seal(self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        seal_object(keys, ObjectKind::Bundle, salt, &self.encoder.into_writer())
    }
}

/// Opens a bundle and returns what [`records`] reads.
pub fn open(keys: &Keys, sealed: &[u8]) -> FormatResult<Vec<u8>> {
    open_object(keys, ObjectKind::Bundle, sealed)
}

/// Reads the records of an opened bundle, in the order in which they were added.
pub fn records(opened: &[u8]) -> FormatResult<Vec<BundledRecord<'_>>> {
    let mut decoder = Decoder::new(opened);
    let mut records = Vec::new();
    while decoder.position() < opened.len() {
        if array_length(&mut decoder, WHAT, 4)? != 4 {
            return Err(FormatError::malformed(WHAT, "a record that has not four parts"));
        }
        let (key, version) = (decoder.str()?, decoder.str()?);
        let hash = RecordHash::from_slice(decoder.bytes()?)?;
        records.push(BundledRecord { key, version, hash, record: decoder.bytes()? });
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
