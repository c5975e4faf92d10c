//! FastCDC 2020 with a gear table of which all 256 words are secret.

use fastcdc::v2020::{Normalization, cut_gear, select_masks};

use crate::{
    error::{FormatError, FormatResult},
    keys::Keys,
    limits::CHUNK_BYTES_MAX,
};

/// Sizes of the chunker in bytes; part of the sealed repository header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkerParameters {
    /// No cut before this many bytes; even, at least 64.
    pub minimum: u32,
    /// Expected length; a power of two.
    pub average: u32,
    /// Always a cut after this many bytes; even.
    pub maximum: u32,
}

impl Default for ChunkerParameters {
    fn default() -> Self {
        Self { minimum: 64 << 10, average: 256 << 10, maximum: 1 << 20 }
    }
}

impl ChunkerParameters {
    /// Checks the bounds that `fastcdc` itself checks in debug builds only.
    pub fn validate(self) -> FormatResult<Self> {
        let fail = |what, found: u32, minimum: u32, maximum: u32| {
            let (found, minimum, maximum) = (found.into(), minimum.into(), maximum.into());
            Err(FormatError::OutOfBounds { what, found, minimum, maximum })
        };
        if !(256..=4 << 20).contains(&self.average) || !self.average.is_power_of_two() {
            return fail("average chunk size (a power of two)", self.average, 256, 4 << 20);
        }
        if !(64..=1 << 20).contains(&self.minimum)
            || self.minimum > self.average
            || !self.minimum.is_multiple_of(2)
        {
            return fail("minimum chunk size (an even number)", self.minimum, 64, self.average.min(1 << 20));
        }
        if !(1024..=CHUNK_BYTES_MAX).contains(&self.maximum)
            || self.maximum < self.average
            || !self.maximum.is_multiple_of(2)
        {
            return fail(
                "maximum chunk size (an even number)",
                self.maximum,
                self.average.max(1024),
                CHUNK_BYTES_MAX,
            );
        }
        Ok(self)
    }
}

/// Finds cut points for one repository.
#[derive(Clone)]
pub struct Chunker {
    parameters: ChunkerParameters,
    mask_strict: u64,
    mask_relaxed: u64,
    gear: Box<[u64; 256]>,
    gear_shifted: Box<[u64; 256]>,
}

impl std::fmt::Debug for Chunker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chunker").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Chunker {
    /// Makes the chunker of a repository.
    pub fn new(keys: &Keys, parameters: ChunkerParameters) -> FormatResult<Self> {
        let parameters = parameters.validate()?;
        let (mask_strict, mask_relaxed) = select_masks(parameters.average as usize, Normalization::Level2);
        let gear = Box::new(*keys.gear());
        let gear_shifted = Box::new(gear.map(|word| word << 1));
        Ok(Self { parameters, mask_strict, mask_relaxed, gear, gear_shifted })
    }

    /// Returns the sizes.
    pub fn parameters(&self) -> ChunkerParameters {
        self.parameters
    }

    /// Returns the length of the first chunk of `content`, which must contain at least the maximum chunk size
    /// unless the stream ends there; 0 only for empty content.
    pub fn cut(&self, content: &[u8]) -> usize {
        if content.len() <= self.parameters.minimum as usize {
            return content.len();
        }
        let (_, length) = cut_gear(
            content,
            self.parameters.minimum as usize,
            self.parameters.average as usize,
            self.parameters.maximum as usize,
            self.mask_strict,
            self.mask_relaxed,
            self.mask_strict << 1,
            self.mask_relaxed << 1,
            self.gear.as_slice(),
            self.gear_shifted.as_slice(),
        );
        length
    }
}

#[cfg(test)]
mod tests;
