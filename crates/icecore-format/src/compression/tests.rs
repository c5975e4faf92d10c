use proptest::prelude::*;

use super::*;
use crate::fixtures::noise;

fn decompress(codec: Codec, stored: &[u8], length: usize) -> FormatResult<Vec<u8>> {
    let mut out = vec![1, 2, 3];
    let result = Decompressor::new().unwrap().decompress(codec, stored, length, &mut out);
    assert!(result.is_ok() || out.is_empty(), "nothing is handed out after an error");
    result.map(|()| out)
}

fn compress(plain: &[u8]) -> (Codec, Vec<u8>) {
    let mut out = vec![9; 5];
    let codec = Compressor::new(3).unwrap().compress(plain, &mut out).unwrap();
    (codec, if codec == Codec::Raw { plain.to_vec() } else { out })
}

#[test]
fn numbers_of_codecs_are_pinned() {
    assert_eq!((Codec::Raw as u8, Codec::Zstd as u8), (0, 1));
    assert_eq!(Codec::from_number(0), Ok(Codec::Raw));
    assert_eq!(Codec::from_number(1), Ok(Codec::Zstd));
    assert!((2..=255).all(|number| Codec::from_number(number).is_err()));
}

#[test]
fn what_does_not_get_smaller_stays_raw() {
    for length in [0, 1, 100, 10_000, 1 << 20] {
        assert_eq!(compress(&noise("raw", length)).0, Codec::Raw, "{length}");
    }
    let (codec, body) = compress(&vec![0; 1 << 20]);
    assert_eq!(codec, Codec::Zstd);
    assert!(body.len() < 1000);
}

#[test]
fn samples_find_a_compressible_part() {
    let mut plain = noise("mixed", 1 << 20);
    plain[..64 << 10].fill(0);
    assert_eq!(compress(&plain).0, Codec::Zstd);
}

#[test]
fn a_bomb_is_refused_at_its_claimed_length() {
    let (_, bomb) = compress(&vec![0; 64 << 20]);
    assert!(bomb.len() < 16 << 10);
    let mut out = Vec::new();
    let mut decompressor = Decompressor::new().unwrap();
    for length in [0, 1, 1000, 1 << 20] {
        assert!(decompressor.decompress(Codec::Zstd, &bomb, length, &mut out).is_err());
        assert!(out.capacity() <= 2 << 20, "{} bytes were allocated for {length}", out.capacity());
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    let plain = b"some text, some text, some text, some text, some text".repeat(10);
    let (codec, body) = compress(&plain);
    assert_eq!(decompress(codec, &body, plain.len()), Ok(plain.clone()));
    for length in [0, 1, plain.len() - 1, plain.len() + 1, plain.len() * 2] {
        assert!(decompress(codec, &body, length).is_err(), "{length}");
        assert!(decompress(Codec::Raw, &plain, length).is_err(), "{length}");
    }
    for cut in 0..body.len() {
        assert!(decompress(codec, &body[..cut], plain.len()).is_err(), "{cut}");
    }
    assert!(decompress(codec, b"", 0).is_err() || decompress(codec, b"", 0) == Ok(vec![]));
    assert!(decompress(codec, &[&body[..], b"tail"].concat(), plain.len()).is_err());
}

proptest! {
    #[test]
    fn compression_round_trips(plain in prop::collection::vec(0u8..8, 0..5000)) {
        let (codec, body) = compress(&plain);
        prop_assert!(codec == Codec::Raw || body.len() < plain.len());
        prop_assert_eq!(decompress(codec, &body, plain.len()), Ok(plain));
    }

    #[test]
    fn hostile_bodies_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..300), length in 0usize..10_000) {
        let magic = [&[0x28, 0xb5, 0x2f, 0xfd], body.as_slice()].concat();
        for stored in [&body, &magic] {
            if let Ok(plain) = decompress(Codec::Zstd, stored, length) {
                prop_assert_eq!(plain.len(), length);
            }
        }
    }
}
