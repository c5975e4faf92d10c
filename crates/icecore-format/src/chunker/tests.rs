use proptest::prelude::*;

use super::*;
use crate::fixtures::{assert_golden, keys, noise};

const SMALL: ChunkerParameters = ChunkerParameters { minimum: 64, average: 256, maximum: 1024 };

fn chunker(parameters: ChunkerParameters) -> Chunker {
    Chunker::new(&keys(), parameters).unwrap()
}

fn lengths(chunker: &Chunker, mut content: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !content.is_empty() {
        let length = chunker.cut(content);
        lengths.push(length);
        content = &content[length..];
    }
    lengths
}

fn encoded(lengths: &[usize]) -> Vec<u8> {
    lengths.iter().flat_map(|length| (*length as u32).to_le_bytes()).collect()
}

/// The algorithm as described in `docs/format.md`, one byte at a time.
fn cut_as_documented(
    gear: &[u64; 256],
    sizes: ChunkerParameters,
    masks: (u64, u64),
    content: &[u8],
) -> usize {
    let (minimum, average) = (sizes.minimum as usize, sizes.average as usize);
    if content.len() <= minimum {
        return content.len();
    }
    let end = content.len().min(sizes.maximum as usize);
    let mut hash = 0u64;
    for (at, byte) in content.iter().enumerate().take(end / 2 * 2).skip(minimum) {
        hash = (hash << 1).wrapping_add(gear[usize::from(*byte)]);
        let mask = if at < average { masks.0 } else { masks.1 };
        if hash & mask == 0 {
            return at;
        }
    }
    end
}

/// Masks of an average of 256 bytes, from the table in `docs/format.md`.
const MASKS_256: (u64, u64) = (0x0000_5900_0353_0000, 0x0000_0000_0180_3110);

#[test]
fn cut_points_are_pinned() {
    let content = noise("chunker", 16 << 20);
    let cuts = lengths(&chunker(ChunkerParameters::default()), &content);
    assert!(cuts.len() > 30);
    assert_golden("cuts-default", &encoded(&cuts));
    let cuts = lengths(&chunker(SMALL), &content[..20_000]);
    assert_golden("cuts-small", &encoded(&cuts));
    let sizes = ChunkerParameters { minimum: 4096, average: 16 << 10, maximum: 64 << 10 };
    assert_golden("cuts-16-kib", &encoded(&lengths(&chunker(sizes), &content[..1 << 20])));
    let text: Vec<u8> = (0u32..20_000).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    assert_golden("cuts-text", &encoded(&lengths(&chunker(SMALL), &text[..40_000])));
}

#[test]
fn masks_are_those_of_the_documentation() {
    let default = chunker(ChunkerParameters::default());
    assert_eq!((default.mask_strict, default.mask_relaxed), (0x0000_d917_4753_7000, 0x0000_d903_0353_7000));
    let small = chunker(SMALL);
    assert_eq!((small.mask_strict, small.mask_relaxed), MASKS_256);
    let table = [
        0x0180_3110u64,
        0x1803_5100,
        0x18_0003_5300,
        0x190_0035_3000,
        0x5900_0353_0000,
        0xd900_0353_0000,
        0xd901_0353_0000,
        0xd903_0353_0000,
        0xd903_1353_0000,
        0xd90f_0353_0000,
        0xd903_0353_7000,
        0xd907_0353_7000,
        0xd907_0753_7000,
        0xd917_0753_7000,
        0xd917_4753_7000,
        0xd917_6753_7000,
        0xd937_6753_7000,
        0xd937_7753_7000,
        0xd937_7757_7000,
    ];
    for bits in 8..=22 {
        let sizes = ChunkerParameters { minimum: 64, average: 1 << bits, maximum: 16 << 20 };
        let chunker = chunker(sizes);
        assert_eq!((chunker.mask_strict, chunker.mask_relaxed), (table[bits - 4], table[bits - 8]), "{bits}");
        assert!(chunker.mask_strict >> 62 == 0, "the scan of two bytes at a time loses the highest bits");
    }
}

#[test]
fn content_without_cuts_ends_at_the_maximum() {
    // Whether a run of equal bytes is cut depends on the table; the decision is the same everywhere in the
    // run.
    let chunker = chunker(SMALL);
    let cuts = lengths(&chunker, &vec![0; 10_000]);
    assert!(cuts[..cuts.len() - 1].iter().all(|length| *length == cuts[0]));
}

#[test]
fn short_content_is_one_chunk() {
    let chunker = chunker(ChunkerParameters::default());
    for length in [0, 1, 63, 65_535, 65_536] {
        assert_eq!(chunker.cut(&vec![7; length]), length);
    }
}

#[test]
fn chunks_are_the_same_again_after_an_insertion() {
    let chunker = chunker(SMALL);
    let before = noise("insertion", 50_000);
    let mut after = before.clone();
    after.splice(10_000..10_000, *b"inserted");
    let ends = |content: &[u8]| -> Vec<usize> {
        let total = content.len();
        lengths(&chunker, content)
            .iter()
            .scan(0, |end, length| {
                *end += length;
                Some(total - *end)
            })
            .collect()
    };
    let (before, after) = (ends(&before), ends(&after));
    let shared = before.iter().filter(|end| after.contains(end)).count();
    assert!(shared > before.len() * 7 / 10, "{shared} of {} borders are shared", before.len());
}

#[test]
fn sizes_out_of_bounds_are_refused() {
    let good = ChunkerParameters::default();
    assert_eq!(good.validate(), Ok(good));
    let bad = [
        ChunkerParameters { minimum: 62, ..good },
        ChunkerParameters { minimum: 65, ..good },
        ChunkerParameters { minimum: 0, ..good },
        ChunkerParameters { minimum: good.average + 2, ..good },
        ChunkerParameters { minimum: 2 << 20, average: 4 << 20, maximum: 8 << 20 },
        ChunkerParameters { average: 3 << 16, ..good },
        ChunkerParameters { minimum: 64, average: 128, ..good },
        ChunkerParameters { average: 8 << 20, maximum: 16 << 20, ..good },
        ChunkerParameters { average: 0, ..good },
        ChunkerParameters { maximum: good.average - 2, ..good },
        ChunkerParameters { maximum: (1 << 20) + 1, ..good },
        ChunkerParameters { maximum: 32 << 20, ..good },
        ChunkerParameters { minimum: 64, average: 256, maximum: 512 },
        ChunkerParameters { maximum: u32::MAX, ..good },
    ];
    for parameters in bad {
        assert!(matches!(parameters.validate(), Err(FormatError::OutOfBounds { .. })), "{parameters:?}");
        assert!(Chunker::new(&keys(), parameters).is_err());
    }
}

proptest! {
    #[test]
    fn cuts_are_as_documented(content in prop::collection::vec(0u8..4, 0..3000), minimum in 32u32..100) {
        let sizes = ChunkerParameters { minimum: minimum * 2, ..SMALL };
        let chunker = chunker(sizes);
        let mut rest = content.as_slice();
        while !rest.is_empty() {
            let length = chunker.cut(rest);
            prop_assert_eq!(length, cut_as_documented(keys().gear(), sizes, MASKS_256, rest));
            prop_assert!(length <= 1024 && (length >= sizes.minimum as usize || length == rest.len()));
            // Bytes beyond the maximum have no influence.
            prop_assert_eq!(length, chunker.cut(&rest[..rest.len().min(1024)]));
            rest = &rest[length..];
        }
    }

    #[test]
    fn long_content_is_cut_as_documented(seed in any::<u32>(), odd in 0usize..2) {
        let content = noise(&seed.to_string(), 5000 + odd);
        let mut rest = content.as_slice();
        let chunker = chunker(SMALL);
        while !rest.is_empty() {
            let length = chunker.cut(rest);
            prop_assert_eq!(length, cut_as_documented(keys().gear(), SMALL, MASKS_256, rest));
            rest = &rest[length..];
        }
    }
}
