//! The CBOR records of a slot: the plain facts about it, and the sealed master keys.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode, bytes::ByteVec};

use super::{KmsDataKey, PasswordCost, SlotInfo, SlotKind, WHAT};
use crate::{
    error::{FormatError, FormatResult},
    ids::RepositoryId,
    keys::{KeyEpoch, Secret},
    limits::TEXT_BYTES_MAX,
    seal::SALT_BYTES,
};

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct SlotRecord {
    #[n(0)]
    pub kind: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub repository: [u8; 16],
    #[n(2)]
    pub label: String,
    #[n(3)]
    pub created_seconds: i64,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub salt: [u8; SALT_BYTES],
    #[n(5)]
    pub memory_kib: Option<u32>,
    #[n(6)]
    pub passes: Option<u32>,
    #[n(7)]
    pub lanes: Option<u32>,
    #[n(8)]
    pub kms_wrapped: Option<ByteVec>,
    #[n(9)]
    pub kms_key_arn: Option<String>,
    #[n(10)]
    pub kms_region: Option<String>,
}

impl SlotRecord {
    /// Takes the fields of a KMS slot; none unless all are present.
    fn take_kms(&mut self) -> Option<KmsDataKey> {
        let (wrapped, key_arn, region) =
            (self.kms_wrapped.take(), self.kms_key_arn.take(), self.kms_region.take());
        Some(KmsDataKey { wrapped: wrapped?.into(), key_arn: key_arn?, region: region? })
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct SlotPayload {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub repository: [u8; 16],
    #[n(1)]
    pub masters: Vec<(u32, ByteVec)>,
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
            (1..=3, ..) => return Err(FormatError::malformed(WHAT, "its fields do not match its kind")),
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

pub(super) fn slot_record(info: &SlotInfo) -> SlotRecord {
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

pub(super) fn slot_payload(repository: RepositoryId, masters: &BTreeMap<KeyEpoch, Secret>) -> SlotPayload {
    let masters = masters.iter().map(|(epoch, key)| (*epoch, ByteVec::from(key.expose().to_vec()))).collect();
    SlotPayload { repository: repository.0, masters }
}
