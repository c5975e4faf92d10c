//! Key slots: the master keys wrapped under a password, a key file, or a key of AWS KMS.

mod key_file;
mod wire;

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use zeroize::Zeroizing;

use self::wire::{SlotPayload, SlotRecord, slot_payload, slot_record};
use crate::{
    cbor::{decode_record, encode_record},
    error::{FormatError, FormatResult},
    ids::RepositoryId,
    keys::{KEY_BYTES, Keys, Secret},
    limits::{FORMAT_VERSION, TEXT_BYTES_MAX},
    seal::{Salt, TAG_BYTES},
};

pub use self::key_file::{read_key_file, write_key_file};

const WHAT: &str = "key slot";
const MAGIC: [u8; 8] = *b"ICECSLOT";
const PREFIX_BYTES: usize = 16;
const COMMITMENT_BYTES: usize = 32;
const CONTEXT_KEY_FILE: &str = "icecore 2026-11-20 v1 key file";
const CONTEXT_KMS: &str = "icecore 2026-11-26 v1 kms data key";
/// Longest data key wrapped by KMS, in bytes (AWS KMS API Reference, `Decrypt`).
const KMS_WRAPPED_BYTES_MAX: usize = 6144;
/// Longest name of a KMS key, in bytes (AWS KMS API Reference, `Decrypt`).
const KMS_KEY_BYTES_MAX: usize = 2048;
/// Longest name of a region, in bytes.
const KMS_REGION_BYTES_MAX: usize = 64;
/// Largest slot object in bytes; slots are small, but anybody may store large objects under their prefix.
pub const SLOT_BYTES_MAX: u64 = 1 << 20;

/// Cost of deriving a key from a password (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 256 << 10, passes: 4, lanes: 4 }
    }
}

impl PasswordCost {
    /// Weakest cost that is accepted, written or read: with less, a stolen slot could be guessed too fast.
    pub const FLOOR: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };
    /// Strongest cost that is accepted: a hostile slot must not exhaust the reader.
    pub const CEILING: Self = Self { memory_kib: 4 << 20, passes: 32, lanes: 64 };

    /// Checks the cost against floor and ceiling.
    pub fn validate(self) -> FormatResult<Self> {
        let (low, high) = (Self::FLOOR, Self::CEILING);
        let bounds = [
            ("Argon2id memory in KiB", self.memory_kib, low.memory_kib, high.memory_kib),
            ("Argon2id passes", self.passes, low.passes, high.passes),
            ("Argon2id lanes", self.lanes, low.lanes, high.lanes),
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

/// A data key wrapped by AWS KMS, and the KMS key that unwraps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsDataKey {
    /// The data key, encrypted by KMS.
    pub wrapped: Vec<u8>,
    /// ARN of the KMS key.
    pub key_arn: String,
    /// Region of the KMS requests.
    pub region: String,
}

impl KmsDataKey {
    /// Checks the bounds of the format.
    fn validate(self) -> FormatResult<Self> {
        let within = |length: usize, maximum: usize| (1..=maximum).contains(&length);
        if within(self.wrapped.len(), KMS_WRAPPED_BYTES_MAX)
            && within(self.key_arn.len(), KMS_KEY_BYTES_MAX)
            && within(self.region.len(), KMS_REGION_BYTES_MAX)
            // It becomes a part of the name of the server that receives the request.
            && self.region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            Ok(self)
        } else {
            Err(FormatError::malformed(WHAT, "its KMS key is invalid"))
        }
    }
}

/// Credential that opens a slot.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A password, as bytes, from any source.
    Password(Zeroizing<Vec<u8>>),
    /// The secret of a key file.
    KeyFile(Secret),
    /// A data key that KMS has generated or unwrapped.
    Kms {
        /// The data key as it is in the slot.
        data_key: KmsDataKey,
        /// The data key itself.
        secret: Secret,
    },
}

/// How a slot is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// By a password.
    Password(PasswordCost),
    /// By a key file.
    KeyFile,
    /// By anybody who may use a key of AWS KMS.
    Kms(KmsDataKey),
}

/// Facts about a slot that can be read without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// How the slot is opened.
    pub kind: SlotKind,
    /// Repository that the slot belongs to.
    pub repository: RepositoryId,
    /// Label, for people.
    pub label: String,
    /// Creation by the creator's clock, in seconds since 1970.
    pub created_seconds: i64,
    salt: Salt,
}

/// A slot object split into its parts, not opened yet.
struct SlotParts<'a> {
    info: SlotInfo,
    associated: &'a [u8],
    commitment: [u8; COMMITMENT_BYTES],
    sealed: &'a [u8],
}

fn split(object: &[u8]) -> FormatResult<SlotParts<'_>> {
    let truncated = |needed: usize| FormatError::Truncated {
        what: WHAT,
        found: object.len() as u64,
        needed: needed as u64,
    };
    let Some(prefix) = object.first_chunk::<PREFIX_BYTES>() else { return Err(truncated(PREFIX_BYTES)) };
    if prefix[..8] != MAGIC {
        return Err(FormatError::BadMagic { what: WHAT });
    }
    let version = u16::from_le_bytes([prefix[8], prefix[9]]);
    if version == 0 || version > FORMAT_VERSION {
        return Err(FormatError::UnsupportedVersion {
            what: WHAT,
            found: version,
            supported: FORMAT_VERSION,
        });
    }
    if prefix[10..12] != [0, 0] {
        return Err(FormatError::malformed(WHAT, "reserved bytes are in use"));
    }
    let length = u32::from_le_bytes([prefix[12], prefix[13], prefix[14], prefix[15]]) as usize;
    let record_end = PREFIX_BYTES + length;
    let sealed_start = record_end + COMMITMENT_BYTES;
    let (Some(record), Some(sealed)) = (object.get(PREFIX_BYTES..record_end), object.get(sealed_start..))
    else {
        return Err(truncated(sealed_start + TAG_BYTES));
    };
    let mut commitment = [0; COMMITMENT_BYTES];
    commitment.copy_from_slice(&object[record_end..sealed_start]);
    let info = SlotInfo::try_from(decode_record::<SlotRecord>(WHAT, record)?)?;
    Ok(SlotParts { info, associated: &object[..record_end], commitment, sealed })
}

/// Reads the facts about a slot that are not sealed.
pub fn read_slot(object: &[u8]) -> FormatResult<SlotInfo> {
    split(object).map(|parts| parts.info)
}

/// Key-encryption key and key commitment of a slot.
struct WrappingKey {
    key: Secret,
    commitment: [u8; COMMITMENT_BYTES],
}

fn wrapping_key(info: &SlotInfo, credential: &Credential) -> FormatResult<Option<WrappingKey>> {
    let mut derived = Zeroizing::new([0u8; KEY_BYTES + COMMITMENT_BYTES]);
    match (&info.kind, credential) {
        (SlotKind::Password(cost), Credential::Password(password)) => {
            let needed_kib = cost.memory_kib;
            let failed =
                |error: argon2::Error| FormatError::KeyDerivation { needed_kib, reason: error.to_string() };
            let cost = cost.validate()?;
            let parameters =
                Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(derived.len())).map_err(failed)?;
            Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
                .hash_password_into(password, &info.salt, derived.as_mut())
                .map_err(failed)?;
        }
        (SlotKind::KeyFile, Credential::KeyFile(secret)) => {
            derive_from_secret(CONTEXT_KEY_FILE, secret, info, derived.as_mut());
        }
        (SlotKind::Kms(wanted), Credential::Kms { data_key, secret }) if wanted == data_key => {
            derive_from_secret(CONTEXT_KMS, secret, info, derived.as_mut());
        }
        _ => return Ok(None),
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    key.copy_from_slice(&derived[..KEY_BYTES]);
    let mut commitment = [0; COMMITMENT_BYTES];
    commitment.copy_from_slice(&derived[KEY_BYTES..]);
    Ok(Some(WrappingKey { key: Secret::new(*key), commitment }))
}

/// Fills `derived` with bytes derived from a random secret for a slot.
fn derive_from_secret(context: &str, secret: &Secret, info: &SlotInfo, derived: &mut [u8]) {
    let key = Secret::new(blake3::derive_key(context, secret.expose()));
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(&info.repository.0).update(&info.salt).finalize_xof().fill(derived);
}

/// Opens a slot and returns the keys of its repository.
///
/// Fails with [`FormatError::WrongKey`] if the credential is of another kind or simply wrong.
pub fn open_slot(object: &[u8], credential: &Credential) -> FormatResult<Keys> {
    let parts = split(object)?;
    let Some(wrapping) = wrapping_key(&parts.info, credential)? else { return Err(FormatError::WrongKey) };
    // Compared in constant time; without this check, a sealed text could be crafted that opens under several
    // keys.
    if blake3::Hash::from_bytes(wrapping.commitment) != blake3::Hash::from_bytes(parts.commitment) {
        return Err(FormatError::WrongKey);
    }
    let Some((text, tag)) = parts.sealed.split_last_chunk::<TAG_BYTES>() else {
        let (found, needed) = (parts.sealed.len() as u64, TAG_BYTES as u64);
        return Err(FormatError::Truncated { what: WHAT, found, needed });
    };
    let mut payload = Zeroizing::new(text.to_vec());
    ChaCha20Poly1305::new(wrapping.key.expose().into())
        .decrypt_inout_detached(&[0; 12].into(), parts.associated, payload.as_mut_slice().into(), tag.into())
        .map_err(|_| FormatError::Unauthenticated { what: WHAT })?;
    let payload: SlotPayload = decode_record(WHAT, &payload)?;
    if payload.repository != parts.info.repository.0 {
        return Err(FormatError::malformed(WHAT, "it belongs to another repository"));
    }
    let mut masters = BTreeMap::new();
    for (epoch, key) in payload.masters {
        let key = Zeroizing::new(Vec::from(key));
        let Ok(bytes) = <[u8; KEY_BYTES]>::try_from(key.as_slice()) else {
            return Err(FormatError::malformed(WHAT, "a master key is not 32 bytes"));
        };
        if masters.insert(epoch, Secret::new(bytes)).is_some() {
            return Err(FormatError::malformed(WHAT, "a key epoch occurs twice"));
        }
    }
    Keys::derive(parts.info.repository, masters)
}

/// Writes a slot that `credential` opens; a password is stretched at `cost`. `salt` must be fresh.
pub fn seal_slot(
    keys: &Keys,
    credential: &Credential,
    cost: PasswordCost,
    label: &str,
    created_seconds: i64,
    salt: &Salt,
) -> FormatResult<Vec<u8>> {
    let kind = match credential {
        Credential::Password(_) => SlotKind::Password(cost.validate()?),
        Credential::KeyFile(_) => SlotKind::KeyFile,
        Credential::Kms { data_key, .. } => SlotKind::Kms(data_key.clone().validate()?),
    };
    if label.len() > TEXT_BYTES_MAX {
        return Err(FormatError::malformed(WHAT, "the label is too long"));
    }
    let repository = keys.repository();
    let info = SlotInfo { kind, repository, label: label.to_owned(), created_seconds, salt: *salt };
    let record = encode_record(&slot_record(&info))?;
    let mut object = Vec::new();
    object.extend_from_slice(&MAGIC);
    object.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    object.extend_from_slice(&[0; 2]);
    object.extend_from_slice(&(record.len() as u32).to_le_bytes());
    object.extend_from_slice(&record);
    let Some(wrapping) = wrapping_key(&info, credential)? else { return Err(FormatError::WrongKey) };
    let mut payload = Zeroizing::new(encode_record(&slot_payload(repository, keys.masters()))?);
    let tag = ChaCha20Poly1305::new(wrapping.key.expose().into())
        .encrypt_inout_detached(&[0; 12].into(), &object, payload.as_mut_slice().into())
        .map_err(|_| FormatError::malformed(WHAT, "it is too long to encrypt"))?;
    object.extend_from_slice(&wrapping.commitment);
    object.extend_from_slice(&payload);
    object.extend_from_slice(&tag);
    Ok(object)
}

#[cfg(test)]
mod tests;
