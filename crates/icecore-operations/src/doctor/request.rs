//! Request: for whom a policy is.

/// Receiver of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Makes backups; cannot delete, and cannot overwrite anything except the state of its snapshots.
    Writer,
    /// Reads only.
    Restorer,
    /// Everything: creates repositories, manages keys, deletes.
    Maintainer,
    /// The bucket itself: refuses requests that would overwrite objects, whoever makes them.
    Bucket,
}
