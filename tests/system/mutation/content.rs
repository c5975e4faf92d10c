//! Contents of files that identify their file and their generation.

use std::fmt::Write;

use super::state::ObjectId;

/// Length of a record in bytes; the length of every file at rest is a multiple of it.
pub(super) const RECORD_BYTES: usize = 64;
/// Records of a block, which is 4 KiB long: written by one call, or a hole.
const BLOCK_RECORDS: u64 = 64;

/// Which blocks of a file hold data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All of them.
    Dense,
    /// Those whose number is divisible by three; the others are holes.
    Sparse,
}

impl Layout {
    /// Returns the letter of the layout in records and in the journal.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Dense => 'd',
            Self::Sparse => 's',
        }
    }

    fn is_hole(self, record: u64) -> bool {
        self == Self::Sparse && !(record / BLOCK_RECORDS).is_multiple_of(3)
    }
}

/// Everything that decides the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Object that the content was written for.
    pub(super) file: ObjectId,
    /// Number of the writing; no other writing has it.
    pub(super) generation: u64,
    /// Length in records, holes included.
    pub(super) records: u64,
    pub(super) layout: Layout,
}

impl Content {
    /// Returns the length in bytes, holes included.
    pub(super) fn length(&self) -> u64 {
        self.records * RECORD_BYTES as u64
    }

    fn add_record(&self, index: u64, bytes: &mut Vec<u8>) {
        let begin = bytes.len();
        if self.layout.is_hole(index) {
            bytes.resize(begin + RECORD_BYTES, 0);
            return;
        }
        let Self { file, generation, layout, .. } = self;
        let mut text = String::with_capacity(RECORD_BYTES);
        write!(text, "{file:016x} {generation:016x} {index:08x} {} ", layout.letter()).unwrap();
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(begin + RECORD_BYTES - 1, b'.');
        bytes.push(b'\n');
    }

    fn range(&self, begin: u64, end: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for index in begin..end {
            self.add_record(index, &mut bytes);
        }
        bytes
    }

    /// Returns all bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.range(0, self.records)
    }

    /// Returns the writes that turn `before` into this, in order: offsets, and bytes of at most a block.
    ///
    /// Another generation is written in the order of the blocks' numbers with their bits reversed (0, 4, 2,
    /// 6, 1, 5, 3, 7), because a reader during several writes then sees bytes that never existed. The same
    /// generation is only extended, in order. Holes are left out.
    pub(super) fn pieces_after(&self, before: &Self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        let is_extended = before.generation == self.generation;
        let first = if is_extended { before.records.min(self.records) } else { 0 };
        let mut blocks: Vec<u64> = (first / BLOCK_RECORDS..self.records.div_ceil(BLOCK_RECORDS)).collect();
        if !is_extended {
            blocks.sort_by_key(|block| block.reverse_bits());
        }
        let begins = blocks.into_iter().map(move |block| (block * BLOCK_RECORDS).max(first));
        let range = |begin: u64| {
            let end = ((begin / BLOCK_RECORDS + 1) * BLOCK_RECORDS).min(self.records);
            (begin * RECORD_BYTES as u64, self.range(begin, end))
        };
        begins
            .filter(|begin| begin * RECORD_BYTES as u64 != self.length() && !self.layout.is_hole(*begin))
            .map(range)
    }

    /// Returns whether a file has these bytes at some moment while `before` is turned into this, including
    /// both ends.
    pub(super) fn is_between(&self, before: &Self, bytes: &[u8]) -> bool {
        if bytes == self.bytes() {
            return true;
        }
        let mut expected = before.bytes();
        for (offset, piece) in self.pieces_after(before) {
            let (begin, end) = (offset as usize, offset as usize + piece.len());
            if bytes.get(begin..end) != Some(piece.as_slice()) {
                break;
            }
            expected.resize(expected.len().max(end), 0);
            expected[begin..end].copy_from_slice(&piece);
        }
        bytes == expected
    }

    /// Recognises a content from its bytes alone: none for an empty file, an error for a mixture.
    pub(super) fn recognise(bytes: &[u8]) -> Result<Option<Self>, String> {
        if bytes.is_empty() {
            return Ok(None);
        }
        if !bytes.len().is_multiple_of(RECORD_BYTES) {
            return Err(format!("{} bytes are no whole records", bytes.len()));
        }
        let records = (bytes.len() / RECORD_BYTES) as u64;
        let content = Self::from_record(&bytes[..RECORD_BYTES], records)
            .ok_or_else(|| "the first record is none".to_owned())?;
        let expected = content.bytes();
        let mut pairs = bytes.chunks(RECORD_BYTES).zip(expected.chunks(RECORD_BYTES));
        match pairs.position(|(found, expected)| found != expected) {
            None => Ok(Some(content)),
            Some(record) => Err(format!("record {record} is not of {content:?}")),
        }
    }

    fn from_record(record: &[u8], records: u64) -> Option<Self> {
        let text = str::from_utf8(record).ok()?;
        let mut words = text.split(' ');
        let mut number = || u64::from_str_radix(words.next()?, 16).ok();
        let (file, generation, _index) = (number()?, number()?, number()?);
        let layout = match words.next()? {
            "d" => Layout::Dense,
            "s" => Layout::Sparse,
            _ => return None,
        };
        Some(Self { file, generation, records, layout })
    }
}
