//! Key slots, the repository header, and what is sealed under the master keys (sections 4 to 7).

use std::collections::BTreeMap;

use bytes::Bytes;
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};

use super::values::{Fault, Value};

/// Length of the header of a sealed object.
pub(super) const HEADER: usize = 128;

const DATA: u8 = 2;
const MANIFEST: u8 = 3;

/// Kinds of sealed objects, each with the context of its key.
const CONTEXTS: [(u8, &str); 8] = [
    (1, "icecore 2026-11-20 v1 seal repository header"),
    (DATA, "icecore 2026-11-20 v1 seal data pack"),
    (MANIFEST, "icecore 2026-11-20 v1 seal manifest pack"),
    (4, "icecore 2026-11-20 v1 seal pack directory"),
    (5, "icecore 2026-11-20 v1 seal snapshot"),
    (6, "icecore 2026-11-20 v1 seal log record"),
    (7, "icecore 2026-11-20 v1 seal index object"),
    (8, "icecore 2026-11-30 v1 seal collection record"),
];

/// An opened repository.
pub(super) struct Keys {
    pub(super) repository: [u8; 16],
    /// Keys of the kinds of objects, by epoch and kind.
    sealing: BTreeMap<(u32, u8), [u8; 32]>,
    chunk: [u8; 32],
    node: [u8; 32],
}

impl Keys {
    /// Opens a repository with the secret of a key file.
    pub(super) fn unlock(objects: &BTreeMap<String, Bytes>, secret: &[u8; 32]) -> Result<Self, Fault> {
        let header = objects.get("icecore").ok_or("there is no repository header")?;
        if header.len() < 40 || header[..8] != *b"ICECREPO" || header[8..12] != [1, 0, 0, 0] {
            return Err("the repository header has another form".into());
        }
        let repository: [u8; 16] = header[24..40].try_into().map_err(|_| "the header is short")?;
        let slots = objects.iter().filter(|(key, _)| key.starts_with("meta/keys/"));
        let masters = slots
            .filter_map(|(key, slot)| open_slot(key, slot, &repository, secret).ok())
            .max_by_key(BTreeMap::len)
            .ok_or("no key slot opens")?;
        let first = masters.get(&0).ok_or("the key slot has no epoch 0")?;
        let derive = |context| blake3::derive_key(context, first);
        let sealing = masters.iter().flat_map(|(epoch, master)| {
            CONTEXTS.map(|(kind, context)| ((*epoch, kind), blake3::derive_key(context, master)))
        });
        let keys = Self {
            repository,
            sealing: sealing.collect(),
            chunk: derive("icecore 2026-11-20 v1 chunk id"),
            node: derive("icecore 2026-11-20 v1 manifest node id"),
        };
        keys.check_header(header)?;
        Ok(keys)
    }

    /// Compares the plain part of the repository header with the sealed one.
    fn check_header(&self, header: &[u8]) -> Result<(), Fault> {
        let record = self.record(1, &header[40..])?;
        let features = |at: usize| u64::from(number32(header, at));
        let same = record.number(0)? == 1
            && record.number(1)? == features(12)
            && record.field(2)?.fixed()? == self.repository
            && record.number(10)? == features(16)
            && header[20..24] == [0; 4];
        if same { Ok(()) } else { Err("the two parts of the repository header differ".into()) }
    }

    /// Returns the record in a sealed object that is not a pack.
    pub(super) fn record(&self, kind: u8, object: &[u8]) -> Result<Value, Fault> {
        let sealed = Sealed::new(self, kind, object.get(..HEADER).ok_or("the object is too short")?)?;
        Value::decode(&unframe(&sealed.open(0, &object[HEADER..])?)?)
    }

    /// Returns the identity of a chunk in a pack of this kind.
    pub(super) fn identity(&self, kind: u8, content: &[u8]) -> [u8; 24] {
        let key = if kind == MANIFEST { &self.node } else { &self.chunk };
        let mut identity = [0; 24];
        identity.copy_from_slice(&blake3::keyed_hash(key, content).as_bytes()[..24]);
        identity
    }
}

/// Returns the master keys in a slot, by epoch, if it is one of a key file and its commitment fits.
fn open_slot(
    key: &str,
    slot: &[u8],
    repository: &[u8; 16],
    secret: &[u8; 32],
) -> Result<BTreeMap<u32, [u8; 32]>, Fault> {
    let name = &blake3::hash(slot).to_hex()[..32];
    if key.strip_prefix("meta/keys/") != Some(name) || slot.len() < 16 || slot[..8] != *b"ICECSLOT" {
        return Err("the name or the form of the slot is wrong".into());
    }
    let end = 16 + number32(slot, 12) as usize;
    let (record, commitment) = slot.get(16..end).zip(slot.get(end..end + 32)).ok_or("the slot is short")?;
    let record = Value::decode(record)?;
    if record.number(0)? != 2 || record.field(1)?.fixed()? != *repository {
        return Err("the slot is for another credential".into());
    }
    let salt: [u8; 32] = record.field(4)?.fixed()?;
    let mut keys = [0; 64];
    blake3::Hasher::new_keyed(&blake3::derive_key("icecore 2026-11-20 v1 key file", secret))
        .update(repository)
        .update(&salt)
        .finalize_xof()
        .fill(&mut keys);
    if *commitment != keys[32..] {
        return Err("the secret is wrong".into());
    }
    let payload = Payload { msg: &slot[end + 32..], aad: &slot[..end] };
    let cipher = ChaCha20Poly1305::new_from_slice(&keys[..32]).map_err(|error| error.to_string())?;
    let opened = cipher.decrypt(&Nonce::default(), payload).map_err(|_| "the payload does not open")?;
    let pairs = Value::decode(&opened)?.field(1)?.each(|pair| match pair.array()? {
        [epoch, master] => Ok((epoch.unsigned()?, master.fixed()?)),
        _ => Err("a master key has two parts".into()),
    })?;
    Ok(pairs.into_iter().collect())
}

/// A sealed object whose header was checked.
pub(super) struct Sealed {
    cipher: ChaCha20Poly1305,
    associated: Vec<u8>,
    pub(super) epoch: u32,
    pub(super) salt: [u8; 32],
}

impl Sealed {
    pub(super) fn new(keys: &Keys, kind: u8, header: &[u8]) -> Result<Self, Fault> {
        if header[..8] != *b"ICECSEAL" || header[8..10] != [1, 0] || header[10..12] != [kind, 0] {
            return Err("the header is that of another kind of object".into());
        }
        if header[80..HEADER] != [0; 48] {
            return Err("the reserved part of the header is used".into());
        }
        let epoch = number32(header, 12);
        let sealing = keys.sealing.get(&(epoch, kind)).ok_or("no slot has the epoch of the object")?;
        let salt = header[16..48].try_into().map_err(|_| "the header is short")?;
        let key = blake3::keyed_hash(sealing, &[&keys.repository[..], &header[16..48]].concat());
        let commitment = blake3::keyed_hash(key.as_bytes(), b"icecore v1 key commitment");
        if commitment.as_bytes()[..] != header[48..80] {
            return Err("the commitment of the header does not fit".into());
        }
        let cipher = ChaCha20Poly1305::new_from_slice(key.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { cipher, associated: [header, &keys.repository].concat(), epoch, salt })
    }

    /// Opens the part with this ordinal.
    pub(super) fn open(&self, ordinal: u64, part: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut nonce = Nonce::default();
        nonce[..8].copy_from_slice(&ordinal.to_le_bytes());
        let associated = [&self.associated[..], &ordinal.to_le_bytes()].concat();
        let payload = Payload { msg: part, aad: &associated };
        self.cipher.decrypt(&nonce, payload).map_err(|_| format!("part {ordinal} does not open"))
    }
}

/// Returns the record within a frame.
pub(super) fn unframe(frame: &[u8]) -> Result<Vec<u8>, Fault> {
    if frame.len() < 12 {
        return Err("the frame is short".into());
    }
    let body = frame.get(12..12 + number32(frame, 4) as usize).ok_or("the frame is shorter than its body")?;
    plain(frame[0].into(), body, number32(frame, 8) as usize)
}

/// Returns the plaintext of a body in this codec.
pub(super) fn plain(codec: u32, body: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    let plain = match codec {
        0 => body.to_vec(),
        1 => zstd::bulk::decompress(body, length).map_err(|error| format!("zstd: {error}"))?,
        _ => return Err(format!("the codec {codec} is unknown")),
    };
    if plain.len() == length { Ok(plain) } else { Err("the plaintext has another length".into()) }
}

/// Returns the little-endian number at an offset that exists.
pub(super) fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
