//! Small helpers around minicbor: errors, bounded byte strings.

use std::convert::Infallible;

use minicbor::{Decoder, Encoder};

use crate::error::{FormatError, FormatResult};

/// Encoder into memory.
pub(crate) type MemoryEncoder = Encoder<Vec<u8>>;

impl From<minicbor::encode::Error<Infallible>> for FormatError {
    fn from(_: minicbor::encode::Error<Infallible>) -> Self {
        Self::malformed("record", "it cannot be encoded")
    }
}

impl From<minicbor::decode::Error> for FormatError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::malformed("record", "it is not the expected CBOR")
    }
}

/// Returns the length of a definite array, at most `maximum`.
pub(crate) fn array_length(
    decoder: &mut Decoder<'_>,
    what: &'static str,
    maximum: usize,
) -> FormatResult<usize> {
    let Some(length) = decoder.array()? else {
        return Err(FormatError::malformed(what, "it has an array of indefinite length"));
    };
    bounded(what, length, maximum)
}

/// Returns the length of a definite map, at most `maximum`.
pub(crate) fn map_length(
    decoder: &mut Decoder<'_>,
    what: &'static str,
    maximum: usize,
) -> FormatResult<usize> {
    let Some(length) = decoder.map()? else {
        return Err(FormatError::malformed(what, "it has a map of indefinite length"));
    };
    bounded(what, length, maximum)
}

fn bounded(what: &'static str, length: u64, maximum: usize) -> FormatResult<usize> {
    if length > maximum as u64 {
        return Err(FormatError::OutOfBounds { what, found: length, minimum: 0, maximum: maximum as u64 });
    }
    Ok(length as usize)
}

/// Decodes a whole record and refuses trailing bytes.
pub(crate) fn decode_record<'a, T: minicbor::Decode<'a, ()>>(
    what: &'static str,
    record: &'a [u8],
) -> FormatResult<T> {
    let mut decoder = Decoder::new(record);
    let value = decoder.decode()?;
    if decoder.position() == record.len() {
        Ok(value)
    } else {
        Err(FormatError::malformed(what, "bytes follow the record"))
    }
}

/// Encodes a whole record.
pub(crate) fn encode_record<T: minicbor::Encode<()>>(value: &T) -> FormatResult<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.encode(value)?;
    Ok(encoder.into_writer())
}
