//! Directories for tests.

use icecore_format::{
    compression::Codec,
    directory::{BlockInfo, ChunkInfo, PackChecksum, PackDirectory},
    ids::{ChunkId, PackName, RepositoryId, RunId},
    seal::{ObjectKind, SEAL_HEADER_BYTES},
};

use crate::snapshots::StoredSnapshot;

/// The repository of all tests.
pub(crate) const REPOSITORY: RepositoryId = RepositoryId([7; 16]);

/// Makes a directory of `chunks` chunks in blocks of up to 4, different for each number.
pub(crate) fn directory(run: u8, number: u32, chunks: u32) -> PackDirectory {
    let chunks: Vec<ChunkInfo> = (0..chunks)
        .map(|index| {
            let mut seed = vec![run];
            seed.extend(number.to_le_bytes());
            seed.extend(index.to_le_bytes());
            let hash = blake3::hash(&seed);
            let id = ChunkId::from_slice(&hash.as_bytes()[..ChunkId::BYTES]).unwrap();
            ChunkInfo { id, length: 100 + index }
        })
        .collect();
    let mut blocks = Vec::new();
    let (mut offset, mut first_chunk) = (SEAL_HEADER_BYTES as u64, 0);
    for members in chunks.chunks(4) {
        let plain_bytes = members.iter().map(|chunk| chunk.length).sum();
        let stored_bytes = plain_bytes / 2;
        let members = members.len() as u32;
        let codec = Codec::Zstd;
        blocks.push(BlockInfo { offset, stored_bytes, codec, plain_bytes, first_chunk, chunks: members });
        offset += u64::from(stored_bytes);
        first_chunk += members;
    }
    PackDirectory {
        version: 1,
        pack: PackName { run: RunId([run; 16]), number },
        kind: if number.is_multiple_of(2) { ObjectKind::Data } else { ObjectKind::Manifest },
        group: RunId([run.wrapping_add(1); 16]),
        epoch: 3,
        salt: [run ^ number as u8; 32],
        checksum: (number % 5 != 4).then_some(PackChecksum { bytes: offset, hash: [9; 32] }),
        blocks,
        chunks,
    }
}

/// Returns a snapshot as stored in the store.
pub(crate) fn stored_snapshot(run: RunId, version: &str, object: &[u8]) -> StoredSnapshot {
    StoredSnapshot { run, version: version.to_owned(), object: object.to_vec() }
}
