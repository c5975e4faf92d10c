//! Chooses blocks to be fetched together.

use std::ops::Range;

use super::FetchSizes;

/// Blocks that are close together in one pack and are fetched in one request.
#[derive(Debug)]
pub(super) struct Neighbours {
    pack: u32,
    range: Range<u64>,
}

impl Neighbours {
    /// Begins with a block at `range` in the pack of this number.
    pub fn of(pack: u32, range: Range<u64>) -> Self {
        Self { pack, range }
    }

    /// Returns whether a block may be fetched together with these.
    pub fn allow(&self, sizes: &FetchSizes, pack: u32, block: &Range<u64>) -> bool {
        let Range { start, end } = self.range;
        pack == self.pack
            && block.start >= end
            && block.start - end <= sizes.gap_bytes_max
            && block.end - start <= sizes.bytes_max
    }

    /// Adds a block that is allowed.
    pub fn add(&mut self, block: &Range<u64>) {
        self.range.end = block.end;
    }
}
