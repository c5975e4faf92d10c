//! Buffers that are reused: fresh memory costs a page fault for every 4 KiB.

use std::sync::{Arc, Mutex, PoisonError};

/// Buffers for one purpose and of about the same size, shared by the threads of a pipeline.
///
/// It never holds more buffers than were in use at the same time, so it needs no bound of its own.
#[derive(Clone, Debug, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Returns an empty buffer, with the memory of a returned one if there is one.
    pub fn take(&self) -> Vec<u8> {
        let mut buffer = self.pop();
        buffer.clear();
        buffer
    }

    /// Returns a buffer of `length` bytes with unspecified content.
    pub fn take_filled(&self, length: usize) -> Vec<u8> {
        let mut buffer = self.pop();
        buffer.resize(length, 0);
        buffer
    }

    fn pop(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub fn give_back(&self, buffer: Vec<u8>) {
        if buffer.capacity() > 0 {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}
