//! Metadata of objects: the name of the put that wrote them, and whether the repository is for a single
//! writer.

use std::collections::HashMap;

/// Name of the metadata by which a put recognizes its own object.
pub(crate) const PUT_NAME: &str = "icecore-put";
/// Metadata of every object of a repository for a single writer.
pub(crate) const SINGLE_WRITER: (&str, &str) = ("icecore-writers", "single");

/// Returns the name of the put that wrote an object.
pub(crate) fn put_name(metadata: &HashMap<String, String>) -> Option<String> {
    let mut names = metadata.iter().filter(|(name, _)| name.eq_ignore_ascii_case(PUT_NAME));
    names.next().map(|(_, value)| value.clone())
}

/// Returns whether an object belongs to a repository for a single writer.
pub(crate) fn is_for_single_writer(metadata: &HashMap<String, String>) -> bool {
    let (wanted, single) = SINGLE_WRITER;
    metadata.iter().any(|(name, value)| name.eq_ignore_ascii_case(wanted) && value == single)
}
