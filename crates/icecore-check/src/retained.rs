//! Bytes that were read and are needed again: nodes of several levels are in one block, and requests cost
//! money.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// A piece with more than this fraction (one divided by this) of all bytes is not kept.
const PIECE_SHARE: u64 = 2;

/// Pieces of objects, up to a number of bytes; the oldest are dropped first.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pieces: HashMap<String, VecDeque<Piece>>,
    /// Keys of the pieces, the oldest first.
    order: VecDeque<String>,
    bytes: u64,
}

#[derive(Debug)]
struct Piece {
    start: u64,
    bytes: Bytes,
    /// The piece reaches the end of the object.
    reaches_end: bool,
}

impl Retained {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// Keeps bytes of an object from `start` on; `reaches_end` says that the object ends there.
    pub(crate) fn keep(&self, key: &str, start: u64, bytes: &Bytes, reaches_end: bool) {
        let length = bytes.len() as u64;
        if length > self.bytes_max / PIECE_SHARE || bytes.is_empty() {
            return;
        }
        let mut state = self.lock();
        let pieces = state.pieces.entry(key.to_owned()).or_default();
        if pieces.iter().any(|piece| piece.find(Some(&(start..start + length))).is_some()) {
            return;
        }
        pieces.push_back(Piece { start, bytes: bytes.clone(), reaches_end });
        state.order.push_back(key.to_owned());
        state.bytes += length;
        while state.bytes > self.bytes_max && state.drop_oldest() {}
    }

    /// Returns an object, or a range of it, if it was kept.
    pub(crate) fn find(&self, key: &str, range: Option<&Range<u64>>) -> Option<Bytes> {
        self.lock().pieces.get(key)?.iter().find_map(|piece| piece.find(range))
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_oldest(&mut self) -> bool {
        let Some(key) = self.order.pop_front() else { return false };
        let Some(pieces) = self.pieces.get_mut(&key) else { return true };
        self.bytes -= pieces.pop_front().map_or(0, |piece| piece.bytes.len() as u64);
        if pieces.is_empty() {
            self.pieces.remove(&key);
        }
        true
    }
}

impl Piece {
    fn find(&self, range: Option<&Range<u64>>) -> Option<Bytes> {
        let end = self.start + self.bytes.len() as u64;
        let range = range.cloned().unwrap_or(0..u64::MAX);
        if range.start < self.start || range.start >= end || range.end > end && !self.reaches_end {
            return None;
        }
        let last = range.end.min(end);
        Some(self.bytes.slice((range.start - self.start) as usize..(last - self.start) as usize))
    }
}

#[cfg(test)]
mod tests;
