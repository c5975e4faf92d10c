use icecore_format::{
    compression::Codec,
    directory::BlockInfo,
    ids::{PackName, RunId},
    seal::ObjectKind,
};

use super::*;

#[test]
fn batches_cover_all_blocks_once() {
    for (lengths, expected) in [
        (vec![], vec![]),
        (vec![1, 1], vec![0..2, 2..2].into_iter().filter(|batch| !batch.is_empty()).collect()),
        (vec![4 << 20, 1, 1], vec![0..1, 1..3]),
        (vec![2 << 20, 2 << 20, 30 << 20, 5], vec![0..2, 2..3, 3..4]),
    ] {
        let blocks = lengths.into_iter().map(|stored_bytes| BlockInfo {
            offset: 0,
            stored_bytes,
            codec: Codec::Raw,
            plain_bytes: 1,
            first_chunk: 0,
            chunks: 1,
        });
        let directory = PackDirectory {
            version: 1,
            pack: PackName { run: RunId([0; 16]), number: 0 },
            kind: ObjectKind::Data,
            group: RunId([0; 16]),
            epoch: 0,
            salt: [0; 32],
            checksum: None,
            blocks: blocks.collect(),
            chunks: Vec::new(),
        };
        assert_eq!(batches(&directory), expected);
    }
}
