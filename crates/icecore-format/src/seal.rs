//! Sealing: header with salt and key commitment, a key for each object, ChaCha20-Poly1305 with counted
//! nonces.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::{
    compression,
    error::{FormatError, FormatResult},
    ids::RepositoryId,
    keys::{KeyEpoch, Keys, Secret},
    limits::FORMAT_VERSION,
};

pub use crate::object_kind::ObjectKind;

/// Length of the plaintext header of every sealed object, in bytes.
pub const SEAL_HEADER_BYTES: usize = 128;
/// Length of an authentication tag in bytes.
pub const TAG_BYTES: usize = 16;
/// Length of a salt in bytes.
pub const SALT_BYTES: usize = 32;
/// Ordinal of the directory copy at the end of a pack; blocks count from 0.
pub const ORDINAL_DIRECTORY: u64 = 1 << 63;

const MAGIC: [u8; 8] = *b"ICECSEAL";
const COMMITMENT_INPUT: &[u8] = b"icecore v1 key commitment";
const PADDING_INPUT: &[u8] = b"icecore v1 pack padding";
const FRAME_HEADER_BYTES: usize = 12;

/// Random bytes that make the key of an object unique; drawn for every object that is written.
pub type Salt = [u8; SALT_BYTES];

/// The key of one sealed object, bound to its header.
#[derive(Clone, Debug)]
pub struct ObjectKey {
    kind: ObjectKind,
    header: [u8; SEAL_HEADER_BYTES],
    repository: RepositoryId,
    key: Secret,
}

impl ObjectKey {
    /// Makes the key of an object that will be sealed with `salt` in `epoch`.
    pub fn new(keys: &Keys, kind: ObjectKind, epoch: KeyEpoch, salt: &Salt) -> FormatResult<Self> {
        Self::of_version(keys, FORMAT_VERSION, kind, epoch, salt)
    }

    /// Makes the key of an object that was sealed by `version` of the format; the caller has checked the
    /// version.
    pub(crate) fn of_version(
        keys: &Keys,
        version: u16,
        kind: ObjectKind,
        epoch: KeyEpoch,
        salt: &Salt,
    ) -> FormatResult<Self> {
        let seal_key = keys.seal_key(kind, epoch)?;
        let mut hasher = blake3::Hasher::new_keyed(seal_key.expose());
        hasher.update(&keys.repository().0).update(salt);
        let key = Secret::new(*hasher.finalize().as_bytes());
        let commitment = blake3::keyed_hash(key.expose(), COMMITMENT_INPUT);
        let mut header = [0; SEAL_HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..10].copy_from_slice(&version.to_le_bytes());
        header[10] = kind as u8;
        header[12..16].copy_from_slice(&epoch.to_le_bytes());
        header[16..48].copy_from_slice(salt);
        header[48..80].copy_from_slice(commitment.as_bytes());
        Ok(Self { kind, header, repository: keys.repository(), key })
    }

    /// Makes the key of a stored object from its first [`SEAL_HEADER_BYTES`] bytes, after checking magic,
    /// version, kind and key commitment.
    pub fn read(keys: &Keys, kind: ObjectKind, stored: &[u8]) -> FormatResult<Self> {
        let what = kind.name();
        let Some(header) = stored.first_chunk::<SEAL_HEADER_BYTES>() else {
            let needed = SEAL_HEADER_BYTES as u64;
            return Err(FormatError::Truncated { what, found: stored.len() as u64, needed });
        };
        if header[..8] != MAGIC {
            return Err(FormatError::BadMagic { what });
        }
        let version = u16::from_le_bytes([header[8], header[9]]);
        if version == 0 || version > FORMAT_VERSION {
            return Err(FormatError::UnsupportedVersion { what, found: version, supported: FORMAT_VERSION });
        }
        if header[10] != kind as u8 {
            return Err(FormatError::malformed(what, "it is an object of another kind"));
        }
        let epoch = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&header[16..48]);
        let key = Self::of_version(keys, version, kind, epoch, &salt)?;
        // Everything else in the header is fixed by version 1, so the whole header can be compared. The
        // commitment in it is compared in constant time; the rest is public.
        let commitment = |header: &[u8; SEAL_HEADER_BYTES]| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(&header[48..80]);
            blake3::Hash::from_bytes(bytes)
        };
        if commitment(header) != commitment(&key.header) {
            return Err(FormatError::Unauthenticated { what });
        }
        if header[11] != 0 || header[80..] != key.header[80..] {
            return Err(FormatError::malformed(what, "reserved bytes of the header are in use"));
        }
        Ok(key)
    }

    /// Returns the plaintext header at the beginning of the object.
    pub fn header(&self) -> &[u8; SEAL_HEADER_BYTES] {
        &self.header
    }

    /// Returns the salt that makes the key unique.
    pub fn salt(&self) -> Salt {
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&self.header[16..48]);
        salt
    }

    /// Returns the epoch of the master key.
    pub(crate) fn epoch(&self) -> KeyEpoch {
        u32::from_le_bytes([self.header[12], self.header[13], self.header[14], self.header[15]])
    }

    /// Returns the kind of the object.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Returns the cipher of the key. A caller that draws a salt for each object and seals each ordinal once
    /// never uses a nonce twice; "less safe" means that this is up to the caller.
    fn cipher(&self) -> FormatResult<LessSafeKey> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.key.expose());
        key.map(LessSafeKey::new).map_err(|_| FormatError::malformed(self.kind.name(), "its key is refused"))
    }

    fn associated_data(&self, ordinal: u64) -> Aad<[u8; SEAL_HEADER_BYTES + RepositoryId::BYTES + 8]> {
        let mut data = [0; SEAL_HEADER_BYTES + RepositoryId::BYTES + 8];
        let (header, rest) = data.split_at_mut(SEAL_HEADER_BYTES);
        let (repository, number) = rest.split_at_mut(RepositoryId::BYTES);
        header.copy_from_slice(&self.header);
        repository.copy_from_slice(&self.repository.0);
        number.copy_from_slice(&ordinal.to_le_bytes());
        Aad::from(data)
    }

    /// Seals part `ordinal` of the object in place: `part` is the plaintext followed by room for the tag.
    ///
    /// # Panics
    /// When `part` is shorter than a tag.
    pub fn seal(&self, ordinal: u64, part: &mut [u8]) -> FormatResult<()> {
        assert!(part.len() >= TAG_BYTES, "a sealed part has room for its tag");
        let (text, tag_room) = part.split_at_mut(part.len() - TAG_BYTES);
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(nonce(ordinal), self.associated_data(ordinal), text)
            .map_err(|_| FormatError::malformed(self.kind.name(), "a part is too long to encrypt"))?;
        tag_room.copy_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens part `ordinal` of the object: `sealed` is ciphertext and tag, the plaintext replaces the content
    /// of `out`.
    pub fn open(&self, ordinal: u64, sealed: &[u8], out: &mut Vec<u8>) -> FormatResult<()> {
        let what = self.kind.name();
        let Some((text, tag)) = sealed.split_last_chunk::<TAG_BYTES>() else {
            return Err(FormatError::Truncated {
                what,
                found: sealed.len() as u64,
                needed: TAG_BYTES as u64,
            });
        };
        out.resize(text.len(), 0);
        let data = self.associated_data(ordinal);
        let opened = self.cipher()?.open_separate_gather(nonce(ordinal), data, text, tag, out);
        if opened.is_err() {
            out.clear();
            return Err(FormatError::Unauthenticated { what });
        }
        Ok(())
    }

    /// Fills `padding` with bytes that look like ciphertext to anybody without the key.
    pub(crate) fn fill_padding(&self, padding: &mut [u8]) {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose());
        hasher.update(PADDING_INPUT).finalize_xof().fill(padding);
    }
}

fn nonce(ordinal: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&ordinal.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Returns the padded length by PADMÉ (Nikitin et al., PETS 2019): at most 12 % more, and only O(log log n)
/// bits of the length remain visible.
pub fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1u64 << exponent.saturating_sub(kept)) - 1;
    (length + mask) & !mask
}

/// Builds the frame of a record: compressed, with its lengths, padded by PADMÉ, with room for a tag at the
/// end.
pub(crate) fn frame(record: &[u8]) -> FormatResult<Vec<u8>> {
    let (codec, body) = compression::compress_record(record)?;
    let length = padme((FRAME_HEADER_BYTES + body.len()) as u64) as usize;
    let mut frame = Vec::with_capacity(length + TAG_BYTES);
    frame.extend_from_slice(&[codec as u8, 0, 0, 0]);
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(&(record.len() as u32).to_le_bytes());
    frame.extend_from_slice(&body);
    frame.resize(length + TAG_BYTES, 0);
    Ok(frame)
}

/// Returns the record of an opened frame.
pub(crate) fn unframe(kind: ObjectKind, frame: &[u8]) -> FormatResult<Vec<u8>> {
    let what = kind.name();
    let Some((header, rest)) = frame.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        let needed = FRAME_HEADER_BYTES as u64;
        return Err(FormatError::Truncated { what, found: frame.len() as u64, needed });
    };
    let codec = compression::Codec::from_number(header[0])?;
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (body_bytes, record_bytes) = (number(4), number(8));
    if record_bytes > kind.record_bytes_max() {
        let (found, maximum) = (u64::from(record_bytes), u64::from(kind.record_bytes_max()));
        return Err(FormatError::OutOfBounds { what: "length of a record", found, minimum: 0, maximum });
    }
    let Some(body) = rest.get(..body_bytes as usize) else {
        return Err(FormatError::Truncated { what, found: rest.len() as u64, needed: u64::from(body_bytes) });
    };
    compression::decompress_record(codec, body, record_bytes as usize)
}

/// Seals one record as a separate object: header, then the sealed frame with ordinal 0.
pub fn seal_object(keys: &Keys, kind: ObjectKind, salt: &Salt, record: &[u8]) -> FormatResult<Vec<u8>> {
    if record.len() as u64 > u64::from(kind.record_bytes_max()) {
        // No reader would open a larger one.
        let (found, maximum) = (record.len() as u64, u64::from(kind.record_bytes_max()));
        return Err(FormatError::OutOfBounds { what: "length of a record", found, minimum: 0, maximum });
    }
    let key = ObjectKey::new(keys, kind, keys.newest_epoch(), salt)?;
    let mut frame = frame(record)?;
    key.seal(0, &mut frame)?;
    let mut object = Vec::with_capacity(SEAL_HEADER_BYTES + frame.len());
    object.extend_from_slice(key.header());
    object.extend_from_slice(&frame);
    Ok(object)
}

/// Opens an object written by [`seal_object`] and returns its record.
pub fn open_object(keys: &Keys, kind: ObjectKind, object: &[u8]) -> FormatResult<Vec<u8>> {
    unframe(kind, &open_frame(keys, kind, object)?)
}

/// Opens an object written by [`seal_object`] and returns its frame.
pub(crate) fn open_frame(keys: &Keys, kind: ObjectKind, object: &[u8]) -> FormatResult<Vec<u8>> {
    let key = ObjectKey::read(keys, kind, object)?;
    let mut frame = Vec::new();
    key.open(0, &object[SEAL_HEADER_BYTES..], &mut frame)?;
    Ok(frame)
}

/// Returns the length of the record that an opened frame declares, in bytes; 0 if the frame is too short for
/// it.
pub(crate) fn record_bytes(frame: &[u8]) -> u32 {
    frame
        .first_chunk::<FRAME_HEADER_BYTES>()
        .map_or(0, |header| u32::from_le_bytes([header[8], header[9], header[10], header[11]]))
}

#[cfg(test)]
mod tests;
