//! The calls of a store, as a value: for counting and for fault plans.

/// One of the calls of [`crate::store::Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Read of an object or of a range of it.
    Get,
    /// Read of an object together with its version.
    GetVersioned,
    /// Conditional write.
    Put,
    /// Size, version and time of an object.
    Head,
    /// Objects below a prefix.
    List,
    /// Deletion.
    Delete,
}

impl Method {
    /// Every method, in the order of the declaration.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::GetVersioned, Self::Put, Self::Head, Self::List, Self::Delete];

    /// Returns the name as it stands in error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get | Self::GetVersioned => "get",
            Self::Put => "put",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}
