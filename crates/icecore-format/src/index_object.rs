//! Index objects: copies of many small objects of `meta/` in one object, for readers that have none of them.

use minicbor::{Decoder, Encoder};

use crate::{
    cbor::{array_length, map_length},
    error::{FormatError, FormatResult},
    keys::Keys,
    limits::INDEX_COPIES_MAX,
    seal::{ObjectKind, Salt, open_object, seal_object},
};

const WHAT: &str = "index object";

/// An object as it was when it was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCopy {
    /// Key of the object.
    pub key: String,
    /// The store's version of the object. If the store lists another one, the object has changed.
    pub version: String,
    /// The object itself, sealed as it is stored under its key.
    pub bytes: Vec<u8>,
}

/// Seals copies as an index object.
///
/// Fails if they are too many or too large.
pub fn seal(copies: &[ObjectCopy], keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
    if copies.len() > INDEX_COPIES_MAX {
        let (found, maximum) = (copies.len() as u64, INDEX_COPIES_MAX as u64);
        return Err(FormatError::OutOfBounds { what: WHAT, found, minimum: 0, maximum });
    }
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(1)?.u8(0)?.array(copies.len() as u64)?;
    for copy in copies {
        encoder.array(3)?.str(&copy.key)?.str(&copy.version)?.bytes(&copy.bytes)?;
    }
    seal_object(keys, ObjectKind::Index, salt, &encoder.into_writer())
}

/// Opens an index object and returns its copies, in the order in which they were written.
pub fn open(keys: &Keys, object: &[u8]) -> FormatResult<Vec<ObjectCopy>> {
    let record = open_object(keys, ObjectKind::Index, object)?;
    let mut decoder = Decoder::new(&record);
    let mut copies = Vec::new();
    for _ in 0..map_length(&mut decoder, WHAT, 64)? {
        if decoder.u64()? == 0 {
            copies = decode(&mut decoder)?;
        } else {
            decoder.skip()?;
        }
    }
    if decoder.position() != record.len() {
        return Err(FormatError::malformed(WHAT, "bytes follow the record"));
    }
    Ok(copies)
}

fn decode(decoder: &mut Decoder<'_>) -> FormatResult<Vec<ObjectCopy>> {
    let length = array_length(decoder, WHAT, INDEX_COPIES_MAX)?;
    let mut copies = Vec::with_capacity(length);
    for _ in 0..length {
        if array_length(decoder, WHAT, 3)? != 3 {
            return Err(FormatError::malformed(WHAT, "a copy does not have three parts"));
        }
        let (key, version) = (decoder.str()?.to_owned(), decoder.str()?.to_owned());
        copies.push(ObjectCopy { key, version, bytes: decoder.bytes()?.to_vec() });
    }
    Ok(copies)
}

#[cfg(test)]
mod tests;
