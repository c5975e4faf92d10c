//! The methods of a store as values, for counting and for fault plans.

/// One of the calls of [`crate::store::Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Reads an object or a range of it.
    Get,
    /// Reads an object together with its version.
    GetVersioned,
    /// Conditional write.
    Put,
    /// Returns size, version and time of an object.
    Head,
    /// Lists the objects below a prefix.
    List,
    /// Deletes an object.
    Delete,
}

impl Method {
    /// All methods, in the order of declaration.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::GetVersioned, Self::Put, Self::Head, Self::List, Self::Delete];

    /// Returns the name as used in error messages.
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
