//! Verifies the bytes of one pack against its directory.

use std::ops::Range;

use icecore_format::{
    directory::{PackChecksum, PackDirectory},
    error::FormatError,
    keys::Keys,
    pack::read_directory_copy,
    seal::{ObjectKey, SEAL_HEADER_BYTES},
};

use crate::session::Tools;

/// Stored bytes of the blocks that one job opens.
const BATCH_BYTES: u64 = 4 << 20;

/// Problems of a pack outside of its blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameFindings {
    /// What is wrong with the header.
    pub(crate) header: Option<String>,
    /// What is wrong with the copy of the directory.
    pub(crate) directory_copy: Option<String>,
    /// Whether the length or the hash of the whole pack is wrong.
    pub(crate) checksum_differs: bool,
}

/// Verifies header, directory copy and hash of a whole pack.
pub(crate) fn verify_frame(keys: &Keys, directory: &PackDirectory, pack: &[u8]) -> FrameFindings {
    let header = match ObjectKey::read(keys, directory.kind, pack) {
        Err(error) => Some(error.to_string()),
        Ok(key) if key.salt() != directory.salt => {
            Some("it is a different pack: its salt differs".to_owned())
        }
        Ok(_) if epoch_of(pack) != Some(directory.epoch) => Some("its key epoch differs".to_owned()),
        Ok(_) => None,
    };
    let (directory_copy, checksum) = match read_directory_copy(keys, directory.kind, pack) {
        Err(error) => (Some(error.to_string()), checksum_of(pack)),
        Ok(mut copy) => {
            // Reading the copy has already hashed the pack; the copy itself holds no checksum.
            let checksum = copy.checksum.unwrap_or_else(|| checksum_of(pack));
            copy.checksum = directory.checksum;
            let differs = copy != *directory;
            (differs.then(|| "it differs from the directory".to_owned()), checksum)
        }
    };
    FrameFindings { header, directory_copy, checksum_differs: directory.checksum != Some(checksum) }
}

fn checksum_of(pack: &[u8]) -> PackChecksum {
    PackChecksum { bytes: pack.len() as u64, hash: *blake3::hash(pack).as_bytes() }
}

fn epoch_of(pack: &[u8]) -> Option<u32> {
    let bytes = pack.get(..SEAL_HEADER_BYTES)?.get(12..16)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Divides the blocks of a pack, by ordinal, into batches that are worth a job each.
pub(crate) fn batches(directory: &PackDirectory) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (ordinal, block) in directory.blocks.iter().enumerate() {
        bytes += u64::from(block.stored_bytes);
        if bytes >= BATCH_BYTES {
            batches.push(start..ordinal + 1);
            (start, bytes) = (ordinal + 1, 0);
        }
    }
    if start < directory.blocks.len() {
        batches.push(start..directory.blocks.len());
    }
    batches
}

/// Opens some blocks of a whole pack; returns the ordinals of those that do not open, with the reasons.
pub(crate) fn verify_blocks(
    tools: &Tools,
    keys: &Keys,
    directory: &PackDirectory,
    pack: &[u8],
    ordinals: Range<usize>,
) -> Vec<(usize, FormatError)> {
    let verified = tools.lend(|opener, plain| {
        let key = directory.object_key(keys)?;
        let mut damaged = Vec::new();
        for ordinal in ordinals.clone() {
            let block = &directory.blocks[ordinal];
            let start = usize::try_from(block.offset).unwrap_or(usize::MAX).min(pack.len());
            let end = (start + block.stored_bytes as usize).min(pack.len());
            if let Err(error) = opener.open(keys, &key, directory, ordinal, &pack[start..end], plain) {
                damaged.push((ordinal, error));
            }
        }
        Ok(damaged)
    });
    verified.flatten().unwrap_or_else(|error| ordinals.map(|ordinal| (ordinal, error.clone())).collect())
}

#[cfg(test)]
mod tests;
