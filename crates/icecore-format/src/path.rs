//! Paths inside a snapshot: bytes, `/`-separated, relative to the source's root, which is the empty path.

use std::cmp::Ordering;

use crate::{
    error::{FormatError, FormatResult},
    limits::{NAME_BYTES_MAX, PATH_BYTES_MAX},
};

/// Compares two paths component by component as bytes, so that a directory's content follows the directory.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let shared = shared_prefix(left, right);
    match (left.get(shared), right.get(shared)) {
        (None, None) => Ordering::Equal,
        // The separator sorts before every byte of a name, the end before both.
        (None | Some(b'/'), Some(_)) => Ordering::Less,
        (Some(_), None | Some(b'/')) => Ordering::Greater,
        (Some(left), Some(right)) => left.cmp(right),
    }
}

/// Returns the number of bytes that two paths share at their beginning.
pub fn shared_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

/// Returns whether `path` is `directory` or lies in it.
pub fn is_within(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// Returns the directory of `path`; none for the root itself.
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    Some(path.iter().rposition(|byte| *byte == b'/').map_or(&[][..], |slash| &path[..slash]))
}

/// Checks that a path stays inside the root: no empty, `.` or `..` component, no NUL, no absolute path.
pub fn validate(path: &[u8]) -> FormatResult<()> {
    if path.is_empty() {
        return Ok(());
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(FormatError::malformed("path", "it is too long"));
    }
    for component in path.split(|byte| *byte == b'/') {
        let reason = match component {
            b"" => "it is absolute or has an empty component",
            b"." | b".." => "it has a `.` or `..` component",
            _ if component.len() > NAME_BYTES_MAX => "it has a component that is too long",
            _ if component.contains(&0) => "it contains a NUL byte",
            _ => continue,
        };
        return Err(FormatError::malformed("path", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
