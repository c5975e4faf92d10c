//! Whose policy is wanted.

/// Whom or what a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Makes backups; cannot delete, and cannot overwrite anything but its snapshots' state.
    Writer,
    /// Reads only.
    Restorer,
    /// Everything: creates repositories, manages keys, deletes.
    Maintainer,
    /// The bucket itself: refuses requests that would overwrite objects, whoever makes them.
    Bucket,
}
