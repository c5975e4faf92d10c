//! One entry of a manifest: a path and everything that is stored about it.

use minicbor::Decoder;

use crate::{
    cbor::{MemoryEncoder, array_length, map_length},
    error::{FormatError, FormatResult},
    ids::ChunkId,
    limits::{
        ATTRIBUTES_BYTES_MAX, ATTRIBUTES_MAX, CHUNK_BYTES_MAX, HOLES_MAX, INLINE_CHUNKS_MAX, NODE_LEVEL_MAX,
        TARGET_BYTES_MAX,
    },
};

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

impl EntryKind {
    fn from_number(number: u8) -> FormatResult<Self> {
        Ok(match number {
            0 => Self::File,
            1 => Self::Directory,
            2 => Self::Symlink,
            3 => Self::Fifo,
            4 => Self::Socket,
            5 => Self::CharacterDevice,
            6 => Self::BlockDevice,
            _ => return Err(FormatError::malformed(WHAT, "unknown kind")),
        })
    }
}

/// A time: seconds since 1970-01-01 UTC (may be negative) and nanoseconds below 1e9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Whole seconds, rounded towards minus infinity.
    pub seconds: i64,
    /// Nanoseconds above `seconds`.
    pub nanoseconds: u32,
}

impl Time {
    /// Returns the nanoseconds since 1970-01-01 UTC.
    pub fn as_nanoseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }
}

/// Flags of an inode that an entry may have: append only (`0x20`), immutable (`0x10`), no dump (`0x40`), compressed
/// (`0x4`). Values: `FS_*_FL` of Linux' `linux/fs.h`.
pub const INODE_FLAGS_STORED: u32 = 0x10 | 0x20 | 0x40 | 0x4;

/// What is special about an entry; several may hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks(pub u32);

impl Marks {
    /// The file changed while it was read, again and again: its content may mix several states.
    pub const CHANGED_WHILE_READ: Self = Self(1);
    /// The content could not be read; the entry has none. Of a directory: its names are not known, or not all of them.
    pub const UNREADABLE: Self = Self(2);
    /// Some extended attributes could not be read.
    pub const ATTRIBUTES_INCOMPLETE: Self = Self(4);
    /// Only the name is known: the object could not be examined. The entry is that of a file without content, and
    /// [`Self::UNREADABLE`] is set, too.
    pub const NAME_ONLY: Self = Self(8);
    /// A directory of another file system (or a mount point) that was not entered.
    pub const NOT_ENTERED: Self = Self(16);
    /// A directory with a valid `CACHEDIR.TAG` whose content was left out, except for the tag.
    pub const CACHE_LEFT_OUT: Self = Self(32);
    /// A file whose times lie in the future, and that was read again once since: its times are believed.
    pub const READ_TWICE: Self = Self(64);

    /// Says whether all marks of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Says whether any mark of `other` is set.
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

    /// Says whether this is a run of zero bytes that is not stored, and not a chunk.
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

/// Content of a file: the chunks of everything that is not a hole, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The chunks themselves.
    Inline(Vec<ChunkRef>),
    /// A long list, kept as a tree of its own.
    List(ChunkListRef),
}

impl Default for Content {
    fn default() -> Self {
        Self::Inline(Vec::new())
    }
}

impl Content {
    /// Returns the length in bytes; of holes, those count that are items of a chunk list.
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
    /// For files with several links: index of the device within the source (0 is the root's device). Entries with equal
    /// index and inode are one file.
    pub link_device: Option<u32>,
    /// Extended attributes, raw, sorted by name without repetition.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Target of a symbolic link.
    pub target: Vec<u8>,
    /// Content of a file.
    pub content: Content,
    /// Holes of a file, sorted and not touching each other.
    pub holes: Vec<Hole>,
    /// Marks.
    pub marks: Marks,
    /// Flags of the inode as `FS_IOC_GETFLAGS` names them (`chattr`), as far as [`INODE_FLAGS_STORED`] has them.
    pub inode_flags: u32,
}

impl Entry {
    /// Makes an entry of which only path and kind are known; everything else is zero or empty.
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

    /// Checks the rules that tie the fields together.
    pub fn validate(&self) -> FormatResult<()> {
        crate::path::validate(&self.path)?;
        let file = self.kind == EntryKind::File;
        let no_content = self.content == Content::default() && self.holes.is_empty();
        let broken = if self.path.is_empty() && self.kind != EntryKind::Directory {
            "the root is not a directory"
        } else if self.target.len() > TARGET_BYTES_MAX {
            "the target of a symbolic link is too long"
        } else if self.mode & !0o7777 != 0 {
            "mode has bits beyond 07777"
        } else if self.modified.nanoseconds >= 1_000_000_000 || self.changed.nanoseconds >= 1_000_000_000 {
            "nanoseconds of a second or more"
        } else if !file
            && (!no_content
                || self.size != 0
                || self.link_device.is_some() && self.kind == EntryKind::Directory)
        {
            "content, size or links of something that has none"
        } else if (self.kind == EntryKind::Symlink) == self.target.is_empty() || self.target.contains(&0) {
            "target of a symbolic link is missing, misplaced or contains NUL"
        } else if !self.attributes.is_sorted_by(|left, right| left.0 < right.0) {
            "extended attributes are not sorted"
        } else if self.attributes.iter().any(|(name, _)| name.is_empty() || name.contains(&0)) {
            "name of an extended attribute is empty or contains NUL"
        } else if self.marks.contains(Marks::UNREADABLE) && !no_content {
            "unreadable entry with content"
        } else if self.marks.contains(Marks::NAME_ONLY) && !(file && self.marks.contains(Marks::UNREADABLE)) {
            "an object of which only the name is known is not marked as unreadable"
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
            return Err(FormatError::malformed(WHAT, "a hole among inline chunks"));
        }
        let mut end = 0u64;
        for (index, hole) in self.holes.iter().enumerate() {
            let touches = index > 0 && hole.offset == end;
            let next = hole.offset.checked_add(hole.length).filter(|next| *next <= self.size);
            let (Some(next), false, true) = (next, touches || hole.length == 0, hole.offset >= end) else {
                return Err(FormatError::malformed(WHAT, "holes overlap, touch or lie outside the file"));
            };
            end = next;
        }
        if self.content.bytes().checked_add(self.hole_bytes()) == Some(self.size) {
            Ok(())
        } else {
            Err(FormatError::malformed(WHAT, "size differs from the sum of chunks and holes"))
        }
    }

    fn fields(&self) -> u64 {
        let chunks = if let Content::Inline(chunks) = &self.content { chunks.len() } else { 0 };
        [
            true,
            true,
            self.user_id != 0,
            self.group_id != 0,
            true,
            self.modified.nanoseconds != 0,
            true,
            self.changed.nanoseconds != 0,
            self.inode != 0,
            self.size != 0,
            self.special_device != 0,
            self.link_device.is_some(),
            !self.attributes.is_empty(),
            !self.target.is_empty(),
            chunks > 0,
            chunks > 1,
            matches!(self.content, Content::List(_)),
            !self.holes.is_empty(),
            self.marks != Marks::default(),
            self.inode_flags != 0,
        ]
        .into_iter()
        .map(u64::from)
        .sum()
    }

    /// Appends the entry without its path.
    pub(crate) fn encode(&self, encoder: &mut MemoryEncoder) -> FormatResult<()> {
        encoder.map(self.fields())?.u8(0)?.u8(self.kind as u8)?.u8(1)?.u32(self.mode)?;
        optional(encoder, 2, self.user_id.into())?;
        optional(encoder, 3, self.group_id.into())?;
        encoder.u8(4)?.i64(self.modified.seconds)?;
        optional(encoder, 5, self.modified.nanoseconds.into())?;
        encoder.u8(6)?.i64(self.changed.seconds)?;
        optional(encoder, 7, self.changed.nanoseconds.into())?;
        optional(encoder, 8, self.inode)?;
        optional(encoder, 9, self.size)?;
        optional(encoder, 10, self.special_device)?;
        if let Some(device) = self.link_device {
            encoder.u8(11)?.u32(device)?;
        }
        if !self.attributes.is_empty() {
            encoder.u8(12)?.map(self.attributes.len() as u64)?;
            for (name, value) in &self.attributes {
                encoder.bytes(name)?.bytes(value)?;
            }
        }
        if !self.target.is_empty() {
            encoder.u8(13)?.bytes(&self.target)?;
        }
        encode_content(&self.content, encoder)?;
        if !self.holes.is_empty() {
            encoder.u8(17)?.array(self.holes.len() as u64 * 2)?;
            for hole in &self.holes {
                encoder.u64(hole.offset)?.u64(hole.length)?;
            }
        }
        optional(encoder, 18, self.marks.0.into())?;
        optional(encoder, 19, self.inode_flags.into())
    }

    /// Reads an entry without its path, and checks every rule of the format.
    pub(crate) fn decode(path: Vec<u8>, decoder: &mut Decoder<'_>) -> FormatResult<Self> {
        let mut entry = Self::new(path, EntryKind::File);
        let mut kind = None;
        let mut ids: &[u8] = &[];
        let mut lengths = Vec::new();
        for _ in 0..map_length(decoder, "fields of an entry", 256)? {
            match decoder.u64()? {
                0 => kind = Some(EntryKind::from_number(decoder.u8()?)?),
                1 => entry.mode = decoder.u32()?,
                2 => entry.user_id = decoder.u32()?,
                3 => entry.group_id = decoder.u32()?,
                4 => entry.modified.seconds = decoder.i64()?,
                5 => entry.modified.nanoseconds = decoder.u32()?,
                6 => entry.changed.seconds = decoder.i64()?,
                7 => entry.changed.nanoseconds = decoder.u32()?,
                8 => entry.inode = decoder.u64()?,
                9 => entry.size = decoder.u64()?,
                10 => entry.special_device = decoder.u64()?,
                11 => entry.link_device = Some(decoder.u32()?),
                12 => entry.attributes = decode_attributes(decoder)?,
                13 => entry.target = decoder.bytes()?.to_vec(),
                14 => ids = decoder.bytes()?,
                15 => lengths = decode_lengths(decoder)?,
                16 => entry.content = Content::List(decode_list(decoder)?),
                17 => entry.holes = decode_holes(decoder)?,
                18 => entry.marks = Marks(decoder.u32()?),
                19 => entry.inode_flags = decoder.u32()?,
                _ => decoder.skip()?,
            }
        }
        let Some(kind) = kind else { return Err(FormatError::malformed(WHAT, "its kind is missing")) };
        entry.kind = kind;
        // Lengths without ids are a lie too.
        if !ids.is_empty() || !lengths.is_empty() {
            if matches!(entry.content, Content::List(_)) {
                return Err(FormatError::malformed(WHAT, "chunks both inline and as a tree"));
            }
            entry.content =
                Content::Inline(decode_chunks(ids, lengths, entry.size.checked_sub(entry.hole_bytes()))?);
        }
        entry.validate()?;
        Ok(entry)
    }
}

fn optional(encoder: &mut MemoryEncoder, key: u8, value: u64) -> FormatResult<()> {
    if value != 0 {
        encoder.u8(key)?.u64(value)?;
    }
    Ok(())
}

fn encode_content(content: &Content, encoder: &mut MemoryEncoder) -> FormatResult<()> {
    match content {
        Content::Inline(chunks) => {
            if !chunks.is_empty() {
                let ids: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.id.0).collect();
                encoder.u8(14)?.bytes(&ids)?;
            }
            // The length of an only chunk follows from size and holes.
            if chunks.len() > 1 {
                encoder.u8(15)?.array(chunks.len() as u64)?;
                for chunk in chunks {
                    encoder.u32(chunk.length)?;
                }
            }
        }
        Content::List(list) => {
            encoder.u8(16)?.array(4)?.bytes(&list.id.0)?.u8(list.level)?.u64(list.chunks)?.u64(list.bytes)?;
        }
    }
    Ok(())
}

fn decode_attributes(decoder: &mut Decoder<'_>) -> FormatResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut attributes = Vec::new();
    let mut bytes = 0usize;
    for _ in 0..map_length(decoder, "number of extended attributes", ATTRIBUTES_MAX)? {
        let (name, value) = (decoder.bytes()?.to_vec(), decoder.bytes()?.to_vec());
        bytes += name.len() + value.len();
        if bytes > ATTRIBUTES_BYTES_MAX {
            let (found, maximum) = (bytes as u64, ATTRIBUTES_BYTES_MAX as u64);
            return Err(FormatError::OutOfBounds {
                what: "bytes of extended attributes",
                found,
                minimum: 0,
                maximum,
            });
        }
        attributes.push((name, value));
    }
    Ok(attributes)
}

fn decode_lengths(decoder: &mut Decoder<'_>) -> FormatResult<Vec<u32>> {
    let count = array_length(decoder, "number of inline chunks", INLINE_CHUNKS_MAX)?;
    (0..count).map(|_| Ok(decoder.u32()?)).collect()
}

fn decode_chunks(ids: &[u8], lengths: Vec<u32>, content_bytes: Option<u64>) -> FormatResult<Vec<ChunkRef>> {
    let lengths = match (lengths.is_empty(), content_bytes.and_then(|bytes| u32::try_from(bytes).ok())) {
        (true, Some(length)) => vec![length],
        _ => lengths,
    };
    if ids.len() != lengths.len() * ChunkId::BYTES {
        return Err(FormatError::malformed(WHAT, "numbers of chunk ids and lengths differ"));
    }
    let mut chunks = Vec::with_capacity(lengths.len());
    for (id, length) in ids.chunks_exact(ChunkId::BYTES).zip(lengths) {
        if length == 0 || length > CHUNK_BYTES_MAX {
            let (found, maximum) = (length.into(), CHUNK_BYTES_MAX.into());
            return Err(FormatError::OutOfBounds { what: "length of a chunk", found, minimum: 1, maximum });
        }
        chunks.push(ChunkRef { id: ChunkId::from_slice(id)?, length });
    }
    Ok(chunks)
}

fn decode_list(decoder: &mut Decoder<'_>) -> FormatResult<ChunkListRef> {
    if array_length(decoder, "fields of a chunk list", 4)? != 4 {
        return Err(FormatError::malformed(WHAT, "a chunk list has four fields"));
    }
    let (id, level) = (ChunkId::from_slice(decoder.bytes()?)?, decoder.u8()?);
    if level > NODE_LEVEL_MAX {
        let (found, maximum) = (level.into(), NODE_LEVEL_MAX.into());
        return Err(FormatError::OutOfBounds { what: "level of a chunk list", found, minimum: 0, maximum });
    }
    Ok(ChunkListRef { id, level, chunks: decoder.u64()?, bytes: decoder.u64()? })
}

fn decode_holes(decoder: &mut Decoder<'_>) -> FormatResult<Vec<Hole>> {
    let numbers = array_length(decoder, "number of holes", HOLES_MAX * 2)?;
    if !numbers.is_multiple_of(2) {
        return Err(FormatError::malformed(WHAT, "a hole is incomplete"));
    }
    (0..numbers / 2).map(|_| Ok(Hole { offset: decoder.u64()?, length: decoder.u64()? })).collect()
}

#[cfg(test)]
pub(crate) mod tests;
