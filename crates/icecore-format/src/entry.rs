//! One entry of a manifest: a path, and everything that is stored about it.

mod wire;

use crate::{
    error::{FormatError, FormatResult},
    ids::ChunkId,
    limits::TARGET_BYTES_MAX,
};

pub use crate::time::Time;

const WHAT: &str = "manifest entry";

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EntryKind {
    /// Regular file.
    File = 0,
    /// Directory.
    Directory = 1,
    /// Symbolic link.
    Symlink = 2,
    /// Named pipe.
    Fifo = 3,
    /// Unix-domain socket.
    Socket = 4,
    /// Character device.
    CharacterDevice = 5,
    /// Block device.
    BlockDevice = 6,
}

/// Inode flags that an entry may have: append only (`0x20`), immutable (`0x10`), no dump (`0x40`), compressed
/// (`0x4`). Values: `FS_*_FL` of Linux' `linux/fs.h`.
pub const INODE_FLAGS_STORED: u32 = 0x10 | 0x20 | 0x40 | 0x4;

/// Special properties of an entry; several may apply at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks(pub u32);

impl Marks {
    /// The file changed during every attempt to read it: its content may mix several states.
    pub const CHANGED_WHILE_READ: Self = Self(1);
    /// The content could not be read, so the entry has none. For a directory: some or all of its names are
    /// unknown.
    pub const UNREADABLE: Self = Self(2);
    /// Some extended attributes could not be read.
    pub const ATTRIBUTES_INCOMPLETE: Self = Self(4);
    /// Only the name is known: the object could not be examined. The entry is stored as a file without
    /// content, and [`Self::UNREADABLE`] is set, too.
    pub const NAME_ONLY: Self = Self(8);
    /// A directory of another file system (or a mount point) that was not entered.
    pub const NOT_ENTERED: Self = Self(16);
    /// A directory with a valid `CACHEDIR.TAG` whose content was left out, except for the tag.
    pub const CACHE_LEFT_OUT: Self = Self(32);
    /// A file whose times are in the future, and that was read once more since then: its times are now
    /// trusted.
    pub const READ_TWICE: Self = Self(64);

    /// Returns whether all marks of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether any mark of `other` is set.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the marks that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns both sets of marks.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One chunk of a file, in the order of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkRef {
    /// Id of the chunk.
    pub id: ChunkId,
    /// Length in bytes.
    pub length: u32,
}

impl ChunkRef {
    /// Returns a run of zero bytes that is not stored; only chunk-list trees have such items.
    pub fn hole(length: u32) -> Self {
        Self { id: ChunkId::HOLE, length }
    }

    /// Returns whether this is a run of zero bytes that is not stored, and not a chunk.
    pub fn is_hole(&self) -> bool {
        self.id == ChunkId::HOLE
    }
}

/// Root of a chunk-list tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkListRef {
    /// Id of the root node.
    pub id: ChunkId,
    /// Level of the root node; 0 is a leaf.
    pub level: u8,
    /// Number of chunks in the whole list.
    pub chunks: u64,
    /// Sum of their lengths in bytes.
    pub bytes: u64,
}

/// Content of a file: its chunks, without the holes, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The chunks themselves.
    Inline(Vec<ChunkRef>),
    /// A long list, stored as a separate tree.
    List(ChunkListRef),
}

impl Default for Content {
    fn default() -> Self {
        Self::Inline(Vec::new())
    }
}

impl Content {
    /// Returns the length in bytes; holes count only if they are items of a chunk list.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Inline(chunks) => chunks.iter().map(|chunk| u64::from(chunk.length)).sum(),
            Self::List(list) => list.bytes,
        }
    }
}

/// A run of zero bytes that is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hole {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Length in bytes, at least 1.
    pub length: u64,
}

/// One entry of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the source's root; empty for the root itself.
    pub path: Vec<u8>,
    /// Kind of the object.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky (`07777`).
    pub mode: u32,
    /// Numeric owner.
    pub user_id: u32,
    /// Numeric group.
    pub group_id: u32,
    /// Time of the last change of content.
    pub modified: Time,
    /// Time of the last change of content or metadata, for change detection.
    pub changed: Time,
    /// Inode number at the source, for change detection and link groups.
    pub inode: u64,
    /// Length of a file in bytes, with holes; 0 for other kinds.
    pub size: u64,
    /// Device number of a device node: major in the high 32 bits, minor in the low 32 bits.
    pub special_device: u64,
    /// For files with several links: index of the device within the source (0 is the root's device). Entries
    /// with equal index and inode are one file.
    pub link_device: Option<u32>,
    /// Extended attributes, raw, sorted by name without repetition.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Target of a symbolic link.
    pub target: Vec<u8>,
    /// Content of a file.
    pub content: Content,
    /// Holes of a file, sorted and not adjacent to each other.
    pub holes: Vec<Hole>,
    /// Marks.
    pub marks: Marks,
    /// Inode flags, with the values of `FS_IOC_GETFLAGS` (`chattr`), limited to [`INODE_FLAGS_STORED`].
    pub inode_flags: u32,
}

impl Entry {
    /// Makes an entry with only a path and a kind; everything else is zero or empty.
    pub fn new(path: Vec<u8>, kind: EntryKind) -> Self {
        Self {
            path,
            kind,
            mode: 0,
            user_id: 0,
            group_id: 0,
            modified: Time::default(),
            changed: Time::default(),
            inode: 0,
            size: 0,
            special_device: 0,
            link_device: None,
            attributes: Vec::new(),
            target: Vec::new(),
            content: Content::default(),
            holes: Vec::new(),
            marks: Marks::default(),
            inode_flags: 0,
        }
    }

    /// Returns the link group: entries of one snapshot with the same group are hard links to one file.
    pub fn link_group(&self) -> Option<(u32, u64)> {
        self.link_device.map(|device| (device, self.inode))
    }

    /// Returns the number of bytes in holes.
    pub fn hole_bytes(&self) -> u64 {
        self.holes.iter().fold(0, |sum, hole| sum.saturating_add(hole.length))
    }

    /// Checks the rules that connect the fields.
    pub fn validate(&self) -> FormatResult<()> {
        crate::path::validate(&self.path)?;
        let file = self.kind == EntryKind::File;
        let no_content = self.content == Content::default() && self.holes.is_empty();
        let broken = if self.path.is_empty() && self.kind != EntryKind::Directory {
            "the root is not a directory"
        } else if self.target.len() > TARGET_BYTES_MAX {
            "the target of a symbolic link is too long"
        } else if self.mode & !0o7777 != 0 {
            "its mode has bits beyond 07777"
        } else if self.modified.nanoseconds >= 1_000_000_000 || self.changed.nanoseconds >= 1_000_000_000 {
            "its nanoseconds are a second or more"
        } else if !file
            && (!no_content
                || self.size != 0
                || self.link_device.is_some() && self.kind == EntryKind::Directory)
        {
            "an object of its kind cannot have content, size or links"
        } else if (self.kind == EntryKind::Symlink) == self.target.is_empty() || self.target.contains(&0) {
            "the target of a symbolic link is missing, misplaced or contains NUL"
        } else if !self.attributes.is_sorted_by(|left, right| left.0 < right.0) {
            "extended attributes are not sorted"
        } else if self.attributes.iter().any(|(name, _)| name.is_empty() || name.contains(&0)) {
            "the name of an extended attribute is empty or contains NUL"
        } else if self.marks.contains(Marks::UNREADABLE) && !no_content {
            "it is marked as unreadable, but has content"
        } else if self.marks.contains(Marks::NAME_ONLY) && !(file && self.marks.contains(Marks::UNREADABLE)) {
            "only its name is known, but it is not marked as unreadable"
        } else {
            ""
        };
        if !broken.is_empty() {
            return Err(FormatError::malformed(WHAT, broken));
        }
        if file && !self.marks.contains(Marks::UNREADABLE) { self.validate_lengths() } else { Ok(()) }
    }

    fn validate_lengths(&self) -> FormatResult<()> {
        if matches!(&self.content, Content::Inline(chunks) if chunks.iter().any(ChunkRef::is_hole)) {
            return Err(FormatError::malformed(WHAT, "its inline chunks contain a hole"));
        }
        let mut end = 0u64;
        for (index, hole) in self.holes.iter().enumerate() {
            let touches = index > 0 && hole.offset == end;
            let next = hole.offset.checked_add(hole.length).filter(|next| *next <= self.size);
            let (Some(next), false, true) = (next, touches || hole.length == 0, hole.offset >= end) else {
                return Err(FormatError::malformed(WHAT, "holes overlap, touch or are outside the file"));
            };
            end = next;
        }
        if self.content.bytes().checked_add(self.hole_bytes()) == Some(self.size) {
            Ok(())
        } else {
            Err(FormatError::malformed(WHAT, "its size differs from the sum of chunks and holes"))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
