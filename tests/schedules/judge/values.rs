//! Records (CBOR, section 3): decoded into values, then asked for their fields.

use minicbor::{Decoder, data::Type};

/// What is wrong, as a part of a sentence.
pub(super) type Fault = String;

/// Deepest nesting of any record; section 14 needs the most.
const DEPTH_MAX: u32 = 8;

/// A value of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Integer(i128),
    Bool(bool),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Decodes a record that fills `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut decoder = Decoder::new(bytes);
        let value = decode(&mut decoder, DEPTH_MAX)?;
        if decoder.position() != bytes.len() {
            return Err("something follows the record".into());
        }
        Ok(value)
    }

    pub(super) fn unsigned<T: TryFrom<i128>>(&self) -> Result<T, Fault> {
        match self {
            Self::Integer(number) => {
                T::try_from(*number).map_err(|_| format!("the number {number} is out of bounds"))
            }
            _ => Err("a number is expected".into()),
        }
    }

    pub(super) fn bytes(&self) -> Result<&[u8], Fault> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("bytes are expected".into()),
        }
    }

    pub(super) fn fixed<const N: usize>(&self) -> Result<[u8; N], Fault> {
        self.bytes()?.try_into().map_err(|_| format!("{N} bytes are expected"))
    }

    pub(super) fn text(&self) -> Result<&str, Fault> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("a text is expected".into()),
        }
    }

    pub(super) fn array(&self) -> Result<&[Self], Fault> {
        match self {
            Self::Array(items) => Ok(items),
            _ => Err("an array is expected".into()),
        }
    }

    /// Decodes each item of an array.
    pub(super) fn each<T>(&self, item: impl Fn(&Self) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        self.array()?.iter().map(item).collect()
    }

    /// Returns the field with this key, if the record has it.
    pub(super) fn optional(&self, key: u32) -> Result<Option<&Self>, Fault> {
        let Self::Map(fields) = self else {
            return Err("a map is expected".into());
        };
        let found = fields.iter().find(|(found, _)| *found == Self::Integer(key.into()));
        Ok(found.map(|(_, value)| value))
    }

    /// Returns the field with this key.
    pub(super) fn field(&self, key: u32) -> Result<&Self, Fault> {
        self.optional(key)?.ok_or_else(|| format!("the field {key} is missing"))
    }

    /// Returns the number with this key, 0 if the record lacks it.
    pub(super) fn number(&self, key: u32) -> Result<u64, Fault> {
        self.optional(key)?.map_or(Ok(0), Self::unsigned)
    }

    /// Returns the items of an optional array.
    pub(super) fn list<T>(
        &self,
        key: u32,
        item: impl Fn(&Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        self.optional(key)?.map_or(Ok(Vec::new()), |list| list.each(item))
    }
}

/// Decodes one value.
fn decode(decoder: &mut Decoder<'_>, depth: u32) -> Result<Value, Fault> {
    if depth == 0 {
        return Err("the record is nested too deeply".into());
    }
    let fault = |error: minicbor::decode::Error| format!("the record cannot be decoded: {error}");
    Ok(match decoder.datatype().map_err(fault)? {
        Type::Bool => Value::Bool(decoder.bool().map_err(fault)?),
        Type::Bytes => Value::Bytes(decoder.bytes().map_err(fault)?.to_vec()),
        Type::String => Value::Text(decoder.str().map_err(fault)?.to_owned()),
        Type::Array => {
            let length = decoder.array().map_err(fault)?.ok_or("an array has no length")?;
            let mut items = Vec::new();
            for _ in 0..length {
                items.push(decode(decoder, depth - 1)?);
            }
            Value::Array(items)
        }
        Type::Map => {
            let length = decoder.map().map_err(fault)?.ok_or("a map has no length")?;
            let mut fields = Vec::new();
            for _ in 0..length {
                fields.push((decode(decoder, depth - 1)?, decode(decoder, depth - 1)?));
            }
            Value::Map(fields)
        }
        _ => Value::Integer(decoder.int().map_err(fault)?.into()),
    })
}
