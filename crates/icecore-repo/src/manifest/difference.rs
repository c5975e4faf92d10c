//! Differences between two manifests, without reading the nodes that they share.

use icecore_format::{entry::Entry, path};

use crate::{error::RepoResult, manifest::cursor::ManifestCursor};

/// One difference between an older and a newer manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The path is only in the newer manifest.
    Added(Entry),
    /// The path is only in the older manifest.
    Removed(Entry),
    /// The path is in both manifests, with different entries.
    Modified {
        /// Entry in the older manifest.
        old: Box<Entry>,
        /// Entry in the newer manifest.
        new: Box<Entry>,
    },
}

/// Calls `found` for each difference, in path order; does not read nodes that both manifests share.
pub fn differences<E: From<crate::error::RepoError>>(
    old: &mut ManifestCursor<'_>,
    new: &mut ManifestCursor<'_>,
    mut found: impl FnMut(Change) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(change) = next_difference(old, new)? {
        found(change)?;
    }
    Ok(())
}

/// Returns the next difference in path order and moves both cursors past it; does not read nodes that both
/// manifests share. Afterwards, [`ManifestCursor::owner_names`] of each cursor answers for its entry of the
/// difference.
///
/// After an error because of a damaged node, the call can be repeated: it skips the node, and its entries
/// count as absent from its side.
pub fn next_difference(
    old: &mut ManifestCursor<'_>,
    new: &mut ManifestCursor<'_>,
) -> RepoResult<Option<Change>> {
    loop {
        skip_shared(old, new)?;
        let order = match (old.peek()?, new.peek()?) {
            (None, None) => return Ok(None),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(left), Some(right)) => path::compare(&left.path, &right.path),
        };
        let before = if order.is_le() { old.next()? } else { None };
        let after = if order.is_ge() { new.next()? } else { None };
        match (before, after) {
            (Some(old), Some(new)) if old != new => {
                return Ok(Some(Change::Modified { old: Box::new(old), new: Box::new(new) }));
            }
            (Some(old), None) => return Ok(Some(Change::Removed(old))),
            (None, Some(new)) => return Ok(Some(Change::Added(new))),
            _ => {}
        }
    }
}

/// Moves both cursors past nodes that they share, and opens nodes until both are at entries or at the end.
fn skip_shared(old: &mut ManifestCursor<'_>, new: &mut ManifestCursor<'_>) -> RepoResult<()> {
    loop {
        let left = old.peek_node().map(|(child, level)| (child.id, level));
        let right = new.peek_node().map(|(child, level)| (child.id, level));
        match (left, right) {
            (Some(left), Some(right)) if left == right => {
                old.skip_node();
                new.skip_node();
            }
            (Some((_, left)), Some((_, right))) if left < right => new.expand()?,
            (Some((_, left)), Some((_, right))) if left > right => old.expand()?,
            (Some(_), Some(_)) => {
                old.expand()?;
                new.expand()?;
            }
            (Some(_), None) => old.expand()?,
            (None, Some(_)) => new.expand()?,
            (None, None) => return Ok(()),
        }
    }
}
