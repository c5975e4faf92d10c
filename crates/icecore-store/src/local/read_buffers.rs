//! Reusable buffers for large reads. New memory costs a page fault for every 4 KiB, and an allocator that
//! gets large blocks back from many threads keeps much of it for each thread.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Shorter reads allocate their own memory, in bytes.
pub(super) const LENGTH_MIN: usize = 256 << 10;
/// Lengths are multiples of this, so a buffer fits the next read of about the same length, in bytes.
const LENGTH_STEP: usize = 1 << 20;
/// Most memory that is kept for later reads, in bytes.
const IDLE_BYTES_MAX: usize = 48 << 20;

/// Buffers for later reads, by length; their content is undefined.
#[derive(Debug, Default)]
pub(super) struct ReadBuffers(Mutex<Vec<Vec<u8>>>);

/// A buffer to read into; returned when the last reference to its bytes is dropped.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    bytes: Vec<u8>,
    length: usize,
    buffers: Arc<ReadBuffers>,
}

impl ReadBuffers {
    /// Returns a buffer of `length` bytes with undefined content; none if memory is short.
    pub(super) fn take(self: &Arc<Self>, length: usize) -> Option<ReadBuffer> {
        let mut bytes = self.take_idle(length).unwrap_or_default();
        if bytes.is_empty() {
            let whole =
                if length < LENGTH_MIN { length } else { length.checked_next_multiple_of(LENGTH_STEP)? };
            bytes.try_reserve_exact(whole).ok()?;
            bytes.resize(whole, 0);
        }
        Some(ReadBuffer { bytes, length, buffers: Arc::clone(self) })
    }

    /// Returns the smallest buffer that is large enough.
    fn take_idle(&self, length: usize) -> Option<Vec<u8>> {
        if length < LENGTH_MIN {
            return None;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = idle.partition_point(|buffer| buffer.len() < length);
        (place < idle.len()).then(|| idle.remove(place))
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = idle.partition_point(|other| other.len() < buffer.len());
        idle.insert(place, buffer);
        let mut bytes: usize = idle.iter().map(Vec::len).sum();
        // The largest ones are freed, so that enough remain for many concurrent reads.
        while bytes > IDLE_BYTES_MAX {
            bytes -= idle.pop().map_or(bytes, |buffer| buffer.len());
        }
    }
}

impl ReadBuffer {
    /// Returns the bytes, to be written.
    pub(super) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

impl From<ReadBuffer> for Bytes {
    fn from(buffer: ReadBuffer) -> Self {
        Self::from_owner(buffer)
    }
}

impl AsRef<[u8]> for ReadBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        if self.bytes.len() >= LENGTH_MIN {
            self.buffers.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(buffers: &Arc<ReadBuffers>, length: usize) -> Bytes {
        let mut buffer = buffers.take(length).unwrap();
        buffer.as_mut().fill(7);
        Bytes::from(buffer)
    }

    fn idle(buffers: &ReadBuffers) -> Vec<usize> {
        buffers.0.lock().unwrap().iter().map(Vec::len).collect()
    }

    #[test]
    fn a_large_buffer_comes_back_when_its_last_slice_is_gone() {
        let buffers = Arc::new(ReadBuffers::default());
        let bytes = read(&buffers, (3 << 20) - 5);
        assert!(bytes.len() == (3 << 20) - 5 && bytes.iter().all(|byte| *byte == 7));
        let slice = bytes.slice(5..9);
        drop(bytes);
        assert!(idle(&buffers).is_empty());
        drop(slice);
        assert_eq!(idle(&buffers), [3 << 20]);
        let again = read(&buffers, 2 << 20);
        assert!(idle(&buffers).is_empty() && again.len() == 2 << 20);
    }

    #[test]
    fn what_waits_is_bounded_and_small_reads_do_not_wait() {
        let buffers = Arc::new(ReadBuffers::default());
        let lent: Vec<Bytes> = (1..13).map(|number| read(&buffers, number << 20)).collect();
        drop(lent);
        let waiting = idle(&buffers);
        assert!((IDLE_BYTES_MAX / 2..=IDLE_BYTES_MAX).contains(&waiting.iter().sum()), "{waiting:?}");
        assert!(waiting.is_sorted() && waiting.first() == Some(&(1 << 20)), "{waiting:?}");
        assert_eq!(read(&buffers, 1_000).len(), 1_000);
        assert_eq!(idle(&buffers), waiting);
    }
}
