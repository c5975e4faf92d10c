//! Fixed keys, deterministic bytes and golden bytes for the tests of this crate.

use std::collections::BTreeMap;

use crate::{
    error::FormatError,
    ids::{RepositoryId, RunId},
    keys::{KeyEpoch, Keys, Secret},
};

/// Golden bytes by name; `docs/format.md` shows some of them. A change here is a change of the format (or,
/// for compressed bytes, of zstd).
const GOLDENS: &str = include_str!("fixtures/goldens.txt");

/// Repository id `a0 a1 … af`.
pub(crate) const REPOSITORY: RepositoryId = RepositoryId([
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
]);
/// A run.
pub(crate) const RUN: RunId = RunId(*b"\x01\x9a\x00\x00\x00\x000123456789");

/// Returns the keys of [`REPOSITORY`] whose only master key is `00 01 … 1f`.
pub(crate) fn keys() -> Keys {
    keys_of(REPOSITORY, &[0])
}

/// Returns the keys of a repository with the given epochs. The master key of epoch *e* begins with the byte
/// *e*; each further byte is one more.
pub(crate) fn keys_of(repository: RepositoryId, epochs: &[KeyEpoch]) -> Keys {
    let master = |epoch: KeyEpoch| Secret::new(std::array::from_fn(|index| epoch as u8 + index as u8));
    let masters: BTreeMap<_, _> = epochs.iter().map(|epoch| (*epoch, master(*epoch))).collect();
    Keys::derive(repository, masters).unwrap()
}

/// Returns `length` bytes that look random: the BLAKE3 XOF of `label`.
pub(crate) fn noise(label: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(label.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Returns an array of bytes that look random.
pub(crate) fn noise_array<const N: usize>(label: &str) -> [u8; N] {
    noise(label, N).try_into().unwrap()
}

/// Returns lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Compares bytes with the golden ones of that name.
#[track_caller]
pub(crate) fn assert_golden(name: &str, bytes: &[u8]) {
    let golden = GOLDENS.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let found = hex(bytes);
    assert_eq!(Some(found.as_str()), golden, "golden bytes `{name}` differ: the format was changed");
}

/// Checks that `open` refuses `object` truncated at every length.
#[track_caller]
pub(crate) fn assert_refuses_truncation<T>(object: &[u8], open: impl Fn(&[u8]) -> Result<T, FormatError>) {
    for length in 0..object.len() {
        assert!(open(&object[..length]).is_err(), "cut off at {length} of {}", object.len());
    }
}

/// Checks that `open` refuses `object` after any change of a single bit or byte.
#[track_caller]
pub(crate) fn assert_refuses_changes<T>(object: &[u8], open: impl Fn(&[u8]) -> Result<T, FormatError>) {
    let mut changed = object.to_vec();
    for at in 0..object.len() {
        for flip in [0x01, 0x80, 0xff] {
            changed[at] ^= flip;
            assert!(open(&changed).is_err(), "byte {at} of {} changed by {flip:#04x}", object.len());
            changed[at] = object[at];
        }
    }
}
