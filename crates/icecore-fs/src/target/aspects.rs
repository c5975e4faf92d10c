//! Names what could not be applied to an object.

use std::fmt;
use std::io;

/// What could not be applied to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppliedAspect {
    /// Owner or group.
    Owner,
    /// Permissions.
    Mode,
    /// Setuid or setgid, left out because the owner or group is not the one that they were meant for.
    SetIdBits,
    /// Times.
    Times,
    /// The extended attributes could not be listed, so that unwanted ones may remain.
    ExtendedAttributes,
    /// The extended attribute of this (raw) name.
    ExtendedAttribute(Vec<u8>),
    /// An access control list.
    AccessControlList,
    /// The device node itself, which was not created.
    Device,
    /// Flags of the inode, as `chattr` sets them.
    InodeFlags,
}

impl AppliedAspect {
    /// Says whether only the superuser may apply this, so that an ordinary user cannot expect it.
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

/// Something that could not be applied to one object; everything else was.
#[derive(Debug, thiserror::Error)]
#[error("{aspect} of \"{}\" not applied", path.escape_ascii())]
pub struct ApplyWarning {
    /// Path of the object, relative to the target.
    pub path: Vec<u8>,
    /// What could not be applied.
    pub aspect: AppliedAspect,
    /// What the operating system answered.
    #[source]
    pub source: io::Error,
}
