//! Key slots: the master keys wrapped under a password, a key file, or a key of AWS KMS.

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use minicbor::{Decode, Encode, bytes::ByteVec};
use zeroize::Zeroizing;

use crate::{
    cbor::{decode_record, encode_record},
    error::{FormatError, FormatResult},
    ids::RepositoryId,
    keys::{KEY_BYTES, KeyEpoch, Keys, Secret},
    limits::{FORMAT_VERSION, TEXT_BYTES_MAX},
    seal::{SALT_BYTES, Salt, TAG_BYTES},
};

const WHAT: &str = "key slot";
const MAGIC: [u8; 8] = *b"ICECSLOT";
const PREFIX_BYTES: usize = 16;
const COMMITMENT_BYTES: usize = 32;
const CONTEXT_KEY_FILE: &str = "icecore 2026-11-20 v1 key file";
const CONTEXT_KMS: &str = "icecore 2026-11-26 v1 kms data key";
/// Longest data key as KMS wraps it, in bytes (AWS KMS API Reference, `Decrypt`).
const KMS_WRAPPED_BYTES_MAX: usize = 6144;
/// Longest name of a KMS key, in bytes (AWS KMS API Reference, `Decrypt`).
const KMS_KEY_BYTES_MAX: usize = 2048;
/// Longest name of a region, in bytes.
const KMS_REGION_BYTES_MAX: usize = 64;
/// Largest slot object in bytes; slots are small, whatever is stored under their prefix.
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
    /// Weakest cost that is accepted, written or read: below it a stolen slot could be guessed too fast.
    pub const FLOOR: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };
    /// Strongest cost that is accepted: a hostile slot must not exhaust the reader.
    pub const CEILING: Self = Self { memory_kib: 4 << 20, passes: 32, lanes: 64 };

    /// Checks floor and ceiling.
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

/// A data key as AWS KMS has wrapped it, and which key of KMS opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsDataKey {
    /// The data key, encrypted by KMS.
    pub wrapped: Vec<u8>,
    /// ARN of the key of KMS.
    pub key_arn: String,
    /// Region in which KMS is asked.
    pub region: String,
}

impl KmsDataKey {
    /// Checks the bounds of the format.
    fn validate(self) -> FormatResult<Self> {
        let within = |length: usize, maximum: usize| (1..=maximum).contains(&length);
        if within(self.wrapped.len(), KMS_WRAPPED_BYTES_MAX)
            && within(self.key_arn.len(), KMS_KEY_BYTES_MAX)
            && within(self.region.len(), KMS_REGION_BYTES_MAX)
            // It becomes a part of the name of the server that is asked.
            && self.region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            Ok(self)
        } else {
            Err(FormatError::malformed(WHAT, "its key of KMS is not one"))
        }
    }
}

/// What opens a slot.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A password, as bytes, whatever it came from.
    Password(Zeroizing<Vec<u8>>),
    /// The secret of a key file.
    KeyFile(Secret),
    /// A data key that KMS has made or unwrapped.
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
    /// By whoever may use a key of AWS KMS.
    Kms(KmsDataKey),
}

/// What a slot says about itself without being opened.
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

#[derive(Encode, Decode)]
#[cbor(map)]
struct SlotRecord {
    #[n(0)]
    kind: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    repository: [u8; 16],
    #[n(2)]
    label: String,
    #[n(3)]
    created_seconds: i64,
    #[cbor(n(4), with = "minicbor::bytes")]
    salt: [u8; SALT_BYTES],
    #[n(5)]
    memory_kib: Option<u32>,
    #[n(6)]
    passes: Option<u32>,
    #[n(7)]
    lanes: Option<u32>,
    #[n(8)]
    kms_wrapped: Option<ByteVec>,
    #[n(9)]
    kms_key_arn: Option<String>,
    #[n(10)]
    kms_region: Option<String>,
}

impl SlotRecord {
    /// Takes the fields of a KMS slot; none unless all are there.
    fn take_kms(&mut self) -> Option<KmsDataKey> {
        let (wrapped, key_arn, region) =
            (self.kms_wrapped.take(), self.kms_key_arn.take(), self.kms_region.take());
        Some(KmsDataKey { wrapped: wrapped?.into(), key_arn: key_arn?, region: region? })
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct SlotPayload {
    #[cbor(n(0), with = "minicbor::bytes")]
    repository: [u8; 16],
    #[n(1)]
    masters: Vec<(u32, ByteVec)>,
}

/// A slot object taken apart, not opened yet.
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

impl TryFrom<SlotRecord> for SlotInfo {
    type Error = FormatError;

    fn try_from(mut record: SlotRecord) -> FormatResult<Self> {
        let kms = record.take_kms();
        let kind = match (record.kind, record.memory_kib, record.passes, record.lanes) {
            (1, Some(memory_kib), Some(passes), Some(lanes)) => {
                SlotKind::Password(PasswordCost { memory_kib, passes, lanes }.validate()?)
            }
            (2, None, None, None) => SlotKind::KeyFile,
            (3, None, None, None) if let Some(data_key) = kms => SlotKind::Kms(data_key.validate()?),
            (1..=3, ..) => return Err(FormatError::malformed(WHAT, "its fields do not go with its kind")),
            (kind, ..) => return Err(FormatError::UnsupportedSlot { kind }),
        };
        if record.label.len() > TEXT_BYTES_MAX {
            return Err(FormatError::malformed(WHAT, "the label is too long"));
        }
        let repository = RepositoryId(record.repository);
        let (label, created_seconds, salt) = (record.label, record.created_seconds, record.salt);
        Ok(Self { kind, repository, label, created_seconds, salt })
    }
}

/// Reads what a slot says about itself.
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

/// Fills `derived` with what a random secret gives for a slot.
fn derive_from_secret(context: &str, secret: &Secret, info: &SlotInfo, derived: &mut [u8]) {
    let key = Secret::new(blake3::derive_key(context, secret.expose()));
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(&info.repository.0).update(&info.salt).finalize_xof().fill(derived);
}

/// Opens a slot and returns the keys of its repository.
///
/// Fails with [`FormatError::WrongKey`] when the credential is of another kind or simply wrong.
pub fn open_slot(object: &[u8], credential: &Credential) -> FormatResult<Keys> {
    let parts = split(object)?;
    let Some(wrapping) = wrapping_key(&parts.info, credential)? else { return Err(FormatError::WrongKey) };
    // Compared in constant time; without this check a sealed text could be made to open under several keys.
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
        return Err(FormatError::malformed(WHAT, "it is the slot of another repository"));
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
        .map_err(|_| FormatError::malformed(WHAT, "it is too long to be sealed"))?;
    object.extend_from_slice(&wrapping.commitment);
    object.extend_from_slice(&payload);
    object.extend_from_slice(&tag);
    Ok(object)
}

fn slot_record(info: &SlotInfo) -> SlotRecord {
    let (kind, cost, kms) = match &info.kind {
        SlotKind::Password(cost) => (1, Some(*cost), None),
        SlotKind::KeyFile => (2, None, None),
        SlotKind::Kms(data_key) => (3, None, Some(data_key)),
    };
    SlotRecord {
        kind,
        repository: info.repository.0,
        label: info.label.clone(),
        created_seconds: info.created_seconds,
        salt: info.salt,
        memory_kib: cost.map(|cost| cost.memory_kib),
        passes: cost.map(|cost| cost.passes),
        lanes: cost.map(|cost| cost.lanes),
        kms_wrapped: kms.map(|data_key| data_key.wrapped.clone().into()),
        kms_key_arn: kms.map(|data_key| data_key.key_arn.clone()),
        kms_region: kms.map(|data_key| data_key.region.clone()),
    }
}

fn slot_payload(repository: RepositoryId, masters: &BTreeMap<KeyEpoch, Secret>) -> SlotPayload {
    let masters = masters.iter().map(|(epoch, key)| (*epoch, ByteVec::from(key.expose().to_vec()))).collect();
    SlotPayload { repository: repository.0, masters }
}

/// Writes the text of a key file.
pub fn write_key_file(repository: RepositoryId, secret: &Secret) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(String::with_capacity(KEY_BYTES * 2));
    for byte in secret.expose() {
        for digit in [byte >> 4, byte & 15] {
            digits.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    let check = key_file_check(secret);
    Zeroizing::new(format!(
        "# Icecore key file. Whoever has it can read the repository; without it (or another key) nobody can.\n\
         repository {repository}\nsecret {}\ncheck {check}\n",
        digits.as_str()
    ))
}

fn key_file_check(secret: &Secret) -> String {
    blake3::hash(secret.expose()).to_hex().as_str()[..8].to_owned()
}

/// Reads a key file: the repository that it was made for, if it says so, and its secret.
pub fn read_key_file(text: &str) -> FormatResult<(Option<RepositoryId>, Secret)> {
    let malformed = |reason| FormatError::malformed("key file", reason);
    let (mut repository, mut secret, mut check) = (None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("repository", value)) => repository = Some(RepositoryId::from_hex(value.trim())?),
            Some(("secret", value)) => {
                let mut bytes = Zeroizing::new([0; KEY_BYTES]);
                if !crate::ids::decode_hex(value.trim(), bytes.as_mut()) {
                    return Err(malformed("the secret is not 64 hexadecimal digits"));
                }
                secret = Some(Secret::new(*bytes));
            }
            Some(("check", value)) => check = Some(value.trim().to_owned()),
            _ => return Err(malformed("a line that is not `repository`, `secret` or `check`")),
        }
    }
    let Some(secret) = secret else { return Err(malformed("there is no `secret` line")) };
    if check.is_some_and(|check| check != key_file_check(&secret)) {
        return Err(malformed("the secret was altered: it does not match the check"));
    }
    Ok((repository, secret))
}

#[cfg(test)]
mod tests;
