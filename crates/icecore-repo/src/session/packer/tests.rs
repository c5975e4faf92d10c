use icecore_format::{directory::ChunkInfo, ids::ChunkId, seal::ObjectKind};

use super::*;
use crate::bed::noise;

#[test]
fn what_does_not_compress_is_kept_as_it_is() {
    let pool = Mutex::default();
    let chunks = vec![ChunkInfo { id: ChunkId([0; ChunkId::BYTES]), length: 1 }];
    for (plain, codec) in [(noise(200_000, 1), Codec::Raw), (vec![b'x'; 200_000], Codec::Zstd)] {
        let block = FullBlock { kind: ObjectKind::Data, plain: plain.clone(), chunks: chunks.clone() };
        let compressed = compress(&pool, 3, block, &Buffers::default()).unwrap();
        assert_eq!((compressed.codec, compressed.plain_bytes), (codec, 200_000));
        assert_eq!(compressed.body == plain, codec == Codec::Raw);
        assert_eq!(compressed.chunks, chunks);
    }
    assert_eq!(pool.lock().unwrap().len(), 1, "the compressor is used again");
}
