//! Metadata of a file-system object.

/// Kind of a file-system object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// Regular file.
    File,
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink,
    /// Named pipe.
    Fifo,
    /// Unix-domain socket.
    Socket,
    /// Character device.
    CharacterDevice,
    /// Block device.
    BlockDevice,
}

/// A point in time of a file system: seconds since 1970-01-01 UTC (may be negative) and nanoseconds 0..1e9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds, rounded towards minus infinity.
    pub seconds: i64,
    /// Nanoseconds above `seconds`, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// Metadata of one object as `statx` reports it, without extended attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Kind of the object.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky (`07777`).
    pub mode: u32,
    /// Numeric owner.
    pub user_id: u32,
    /// Numeric group.
    pub group_id: u32,
    /// Length in bytes (for symbolic links the length of the target; 0 for kinds other than files and links).
    pub size: u64,
    /// Time of the last change of content.
    pub modified: Timestamp,
    /// Time of the last change of content or metadata.
    pub changed: Timestamp,
    /// Inode number.
    pub inode: u64,
    /// Device that holds the object (`st_dev`), major in the high 32 bits, minor in the low 32 bits.
    pub device: u64,
    /// Number of hard links.
    pub links: u64,
    /// Device number of a device node (`st_rdev`), same layout as `device`; 0 for other kinds.
    pub special_device: u64,
    /// Flags of the inode of a file or directory, see [`crate::flags`]; 0 for other kinds.
    pub inode_flags: u32,
}

/// Extended attributes of one object, raw, sorted by name: `(name, value)`.
///
/// They include POSIX ACLs (`system.posix_acl_access`, `system.posix_acl_default`), capabilities
/// (`security.capability`) and `NFSv4` ACLs, as raw bytes.
pub type ExtendedAttributes = Vec<(Vec<u8>, Vec<u8>)>;
