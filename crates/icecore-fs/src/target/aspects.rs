//! Names the aspects that could not be applied to an object.

use std::fmt;
use std::io;

/// An aspect that could not be applied to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppliedAspect {
    /// Owner or group.
    Owner,
    /// Permissions.
    Mode,
    /// Setuid or setgid, left out because they were meant for another owner or group.
    SetIdBits,
    /// Times.
    Times,
    /// The extended attributes could not be listed, so unwanted ones may remain.
    ExtendedAttributes,
    /// The extended attribute with this (raw) name.
    ExtendedAttribute(Vec<u8>),
    /// An access control list.
    AccessControlList,
    /// The device node itself, which was not created.
    Device,
    /// Inode flags (see `chattr`).
    InodeFlags,
}

impl AppliedAspect {
    /// Returns whether only the superuser may apply this, so ordinary users cannot expect it.
    pub fn needs_privilege(&self) -> bool {
        match self {
            Self::Owner | Self::SetIdBits | Self::Device | Self::InodeFlags => true,
            Self::ExtendedAttribute(name) => name.starts_with(b"trusted.") || name.starts_with(b"security."),
            Self::Mode | Self::Times | Self::ExtendedAttributes | Self::AccessControlList => false,
        }
    }
}

impl fmt::Display for AppliedAspect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => formatter.write_str("owner"),
            Self::Mode => formatter.write_str("permissions"),
            Self::SetIdBits => formatter.write_str("setuid or setgid"),
            Self::Times => formatter.write_str("times"),
            Self::ExtendedAttributes => formatter.write_str("list of extended attributes"),
            Self::ExtendedAttribute(name) => write!(formatter, "extended attribute {}", name.escape_ascii()),
            Self::AccessControlList => formatter.write_str("access control list"),
            Self::Device => formatter.write_str("device node"),
            Self::InodeFlags => formatter.write_str("flags (chattr)"),
        }
    }
}

/// An aspect that could not be applied to an object; all other aspects were.
#[derive(Debug, thiserror::Error)]
#[error("{aspect} of \"{}\" not applied", path.escape_ascii())]
pub struct ApplyWarning {
    /// Path of the object, relative to the target.
    pub path: Vec<u8>,
    /// The aspect.
    pub aspect: AppliedAspect,
    /// Error of the operating system.
    #[source]
    pub source: io::Error,
}
