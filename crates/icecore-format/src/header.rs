//! The repository header: a plain part that anybody may read, and sealed parameters.

use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::{
    cbor::{decode_record, encode_record, map_length},
    chunker::ChunkerParameters,
    error::{FormatError, FormatResult},
    ids::RepositoryId,
    keys::Keys,
    limits::{BLOCK_BYTES_MAX, CHUNK_BYTES_MAX, FORMAT_VERSION, RECORD_BYTES_MAX},
    seal::{ObjectKind, Salt, open_object, seal_object},
};

const WHAT: &str = "repository header";
/// First bytes of every repository header.
pub const HEADER_MAGIC: [u8; 8] = *b"ICECREPO";
/// Length of the plain part: magic, version, reserved, features for reading, features for writing, repository
/// id.
const PLAIN_BYTES: usize = 40;
/// Features that both readers and writers must know; format 1 has none.
const FEATURES_KNOWN: u32 = 0;
/// Feature for writing: packs are collected, and writers obey the records of collections.
const FEATURE_COLLECTIONS: u32 = 1;
/// Features that only writers must know.
const WRITE_FEATURES_KNOWN: u32 = FEATURE_COLLECTIONS;

/// Key of the features for writing in the record.
const WRITE_FEATURES_KEY: u64 = 10;

/// Parameters of a repository, chosen when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Sizes of the chunker.
    pub chunker: ChunkerParameters,
    /// A block ends when it contains at least this many bytes before compression.
    pub block_bytes: u32,
    /// Average number of entries in a leaf and of children in an inner node of the manifest.
    pub node_items: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { chunker: ChunkerParameters::default(), block_bytes: 1 << 20, node_items: 16 }
    }
}

impl Parameters {
    /// Checks the bounds of the format.
    pub fn validate(self) -> FormatResult<Self> {
        self.chunker.validate()?;
        let bounds = [
            ("block size", self.block_bytes, 4 << 10, BLOCK_BYTES_MAX - CHUNK_BYTES_MAX),
            ("average number of items of a node", self.node_items, 4, 1 << 10),
        ];
        for (what, found, minimum, maximum) in bounds {
            if !(minimum..=maximum).contains(&found) {
                let (found, minimum, maximum) = (found.into(), minimum.into(), maximum.into());
                return Err(FormatError::OutOfBounds { what, found, minimum, maximum });
            }
        }
        Ok(self)
    }
}

/// The part of a header that can be read before the repository is unlocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainHeader {
    /// Version of the format.
    pub version: u16,
    /// Name of the repository.
    pub repository: RepositoryId,
    /// The repository uses features that this program may ignore when it reads, but not when it writes.
    pub read_only: bool,
}

/// The unlocked, authenticated header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name of the repository.
    pub repository: RepositoryId,
    /// Parameters.
    pub parameters: Parameters,
    /// Creation by the creator's clock, in seconds since 1970.
    pub created_seconds: i64,
    /// Program and version that created the repository.
    pub program: String,
    /// The repository uses features that this program may ignore when it reads, but not when it writes.
    pub read_only: bool,
    /// Packs are collected: programs that do not support the records of collections must not write.
    pub collections: bool,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct HeaderRecord {
    #[n(0)]
    version: u16,
    #[n(1)]
    features_required: u32,
    #[cbor(n(2), with = "minicbor::bytes")]
    repository: [u8; 16],
    #[n(3)]
    created_seconds: i64,
    #[n(4)]
    program: String,
    #[n(5)]
    chunk_minimum: u32,
    #[n(6)]
    chunk_average: u32,
    #[n(7)]
    chunk_maximum: u32,
    #[n(8)]
    block_bytes: u32,
    #[n(9)]
    node_items: u32,
    #[n(10)]
    features_for_writing: u32,
}

impl PlainHeader {
    /// Reads the plain part of a header object and refuses newer versions and unknown features.
    pub fn read(object: &[u8]) -> FormatResult<Self> {
        let Some(plain) = object.first_chunk::<PLAIN_BYTES>() else {
            let needed = PLAIN_BYTES as u64;
            return Err(FormatError::Truncated { what: WHAT, found: object.len() as u64, needed });
        };
        if plain[..8] != HEADER_MAGIC {
            return Err(FormatError::BadMagic { what: WHAT });
        }
        let version = u16::from_le_bytes([plain[8], plain[9]]);
        if version == 0 || version > FORMAT_VERSION {
            return Err(FormatError::UnsupportedVersion {
                what: WHAT,
                found: version,
                supported: FORMAT_VERSION,
            });
        }
        let features = u32::from_le_bytes([plain[12], plain[13], plain[14], plain[15]]);
        if features & !FEATURES_KNOWN != 0 {
            return Err(FormatError::UnsupportedFeature { unknown: features & !FEATURES_KNOWN });
        }
        let read_only = write_features(plain) & !WRITE_FEATURES_KNOWN != 0;
        Ok(Self { version, repository: RepositoryId::from_slice(&plain[24..])?, read_only })
    }
}

impl Header {
    /// Writes the header object.
    ///
    /// Unknown features are not written: [`Self::with_collections`] keeps them.
    pub fn seal(&self, keys: &Keys, salt: &Salt) -> FormatResult<Vec<u8>> {
        let Parameters { chunker, block_bytes, node_items } = self.parameters.validate()?;
        let features = if self.collections { FEATURE_COLLECTIONS } else { 0 };
        let record = encode_record(&HeaderRecord {
            version: FORMAT_VERSION,
            features_required: 0,
            repository: self.repository.0,
            created_seconds: self.created_seconds,
            program: self.program.clone(),
            chunk_minimum: chunker.minimum,
            chunk_average: chunker.average,
            chunk_maximum: chunker.maximum,
            block_bytes,
            node_items,
            features_for_writing: features,
        })?;
        let mut object = Vec::new();
        object.extend_from_slice(&HEADER_MAGIC);
        object.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        object.extend_from_slice(&[0; 6]);
        object.extend_from_slice(&features.to_le_bytes());
        object.extend_from_slice(&[0; 4]);
        object.extend_from_slice(&self.repository.0);
        object.extend_from_slice(&seal_object(keys, ObjectKind::Header, salt, &record)?);
        Ok(object)
    }

    /// Opens a header object; its sealed part must agree with the plain one.
    pub fn open(keys: &Keys, object: &[u8]) -> FormatResult<Self> {
        let plain = PlainHeader::read(object)?;
        let opened = open_object(keys, ObjectKind::Header, &object[PLAIN_BYTES..])?;
        let record: HeaderRecord = decode_record(WHAT, &opened)?;
        let reserved_in_use = object[10..12] != [0; 2] || object[20..24] != [0; 4];
        let features_altered = object[12..16] != record.features_required.to_le_bytes()
            || object[16..20] != record.features_for_writing.to_le_bytes();
        if record.version != plain.version
            || record.repository != plain.repository.0
            || features_altered
            || reserved_in_use
        {
            return Err(FormatError::malformed(WHAT, "its unencrypted part was changed"));
        }
        let chunker = ChunkerParameters {
            minimum: record.chunk_minimum,
            average: record.chunk_average,
            maximum: record.chunk_maximum,
        };
        let parameters =
            Parameters { chunker, block_bytes: record.block_bytes, node_items: record.node_items };
        Ok(Self {
            repository: plain.repository,
            parameters: parameters.validate()?,
            created_seconds: record.created_seconds,
            program: record.program,
            read_only: plain.read_only,
            collections: record.features_for_writing & FEATURE_COLLECTIONS != 0,
        })
    }

    /// Returns a header object with the feature *collections*, and everything else as in `object`, for
    /// replacing it by compare-and-swap; none if it has the feature already.
    ///
    /// Fails if the header has unknown features: then this program must not write.
    pub fn with_collections(keys: &Keys, object: &[u8], salt: &Salt) -> FormatResult<Option<Vec<u8>>> {
        let header = Self::open(keys, object)?;
        let features = write_features(object);
        if header.read_only {
            return Err(FormatError::UnsupportedFeature { unknown: features & !WRITE_FEATURES_KNOWN });
        }
        if header.collections {
            return Ok(None);
        }
        let features = features | FEATURE_COLLECTIONS;
        let opened = open_object(keys, ObjectKind::Header, &object[PLAIN_BYTES..])?;
        let record = replace_write_features(&opened, features)?;
        let mut replacement = object[..PLAIN_BYTES].to_vec();
        replacement[16..20].copy_from_slice(&features.to_le_bytes());
        replacement.extend(seal_object(keys, ObjectKind::Header, salt, &record)?);
        Ok(Some(replacement))
    }
}

/// Returns the features for writing from a complete plain part.
fn write_features(plain: &[u8]) -> u32 {
    u32::from_le_bytes([plain[16], plain[17], plain[18], plain[19]])
}

/// Returns the record with other features for writing; keeps all unknown fields.
fn replace_write_features(record: &[u8], features: u32) -> FormatResult<Vec<u8>> {
    let mut decoder = Decoder::new(record);
    let fields = map_length(&mut decoder, WHAT, RECORD_BYTES_MAX as usize)?;
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(fields as u64)?;
    for _ in 0..fields {
        let key = decoder.u64()?;
        let start = decoder.position();
        decoder.skip()?;
        encoder.u64(key)?;
        if key == WRITE_FEATURES_KEY {
            encoder.u32(features)?;
        } else {
            encoder.writer_mut().extend_from_slice(&record[start..decoder.position()]);
        }
    }
    Ok(encoder.into_writer())
}

#[cfg(test)]
mod tests;
