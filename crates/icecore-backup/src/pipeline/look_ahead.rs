//! Ordered look-ahead: readers work on many objects at a time, and the sink gets them in the order of the
//! walk.

use std::collections::VecDeque;

use crossbeam_channel::Receiver;
use icecore_format::entry::Entry;
use icecore_fs::walk::WalkEntry;

use super::readers::Readers;
use crate::{
    error::BackupResult,
    reading::job::{PlannedItem, SMALL_FILE_BYTES_MAX, Segment, Task},
    sink::Sink,
};

/// A batch is given to a reader when it has this many items.
const BATCH_ITEMS_MAX: usize = 256;
/// A batch is also given to a reader when this many of its items have to be read (divided by the number of
/// readers).
const BATCH_READS_UNDER_WAY: usize = 512;
/// A batch is also given to a reader when its files have this many bytes.
const BATCH_BYTES_MAX: u64 = 1 << 20;
/// Weight of an item besides its bytes, for the bound on the items under way.
const ITEM_WEIGHT: u64 = 1 << 10;
/// Maximum number of bytes (with the weights of items) under way.
const UNDER_WAY_WEIGHT_MAX: u64 = 32 << 20;
/// Maximum number of long files under way; each holds several segments in memory.
const LONG_FILES_MAX: usize = 4;

/// Something that is waiting for its turn.
enum UnderWay {
    /// A batch that a reader is working on.
    Batch { sequence: u64, weight: u64 },
    /// A batch that needs no reader.
    Ready { items: Vec<PlannedItem>, weight: u64 },
    /// A long file that a reader is working on.
    LongFile { segments: Receiver<Segment> },
}

/// Items that are collected until a batch is worth a reader's time.
#[derive(Default)]
struct OpenBatch {
    items: Vec<PlannedItem>,
    /// Bytes of the files that have to be read.
    bytes: u64,
    /// Items that have to be read.
    reads: usize,
}

/// Objects under way between the comparison and the sink, bounded by their weight.
pub(super) struct LookAhead {
    readers: Readers,
    queue: VecDeque<UnderWay>,
    weight: u64,
    long_files: usize,
    batch: OpenBatch,
    batch_reads_max: usize,
}

impl LookAhead {
    /// Begins with nothing.
    pub fn new(readers: Readers, read_concurrency: usize) -> Self {
        Self {
            readers,
            queue: VecDeque::new(),
            weight: 0,
            long_files: 0,
            batch: OpenBatch::default(),
            batch_reads_max: (BATCH_READS_UNDER_WAY / read_concurrency).clamp(8, BATCH_ITEMS_MAX),
        }
    }

    /// Queues an item; passes finished items to the sink if room is needed.
    pub fn push(&mut self, item: PlannedItem, sink: &mut Sink<'_, '_>) -> BackupResult<()> {
        match item {
            PlannedItem { entry, task: Task::Content(source), .. } if entry.size > SMALL_FILE_BYTES_MAX => {
                self.push_long_file(entry, source, sink)
            }
            item => self.push_small(item, sink),
        }
    }

    /// Passes all items at the front of the queue that are finished to the sink.
    pub fn drain_ready(&mut self, sink: &mut Sink<'_, '_>) -> BackupResult<()> {
        loop {
            self.readers.collect();
            match self.queue.front() {
                Some(UnderWay::Ready { .. }) => self.take_front(sink)?,
                Some(UnderWay::Batch { sequence, .. }) if self.readers.has_finished(*sequence) => {
                    self.take_front(sink)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Passes everything to the sink, and ends the readers.
    pub fn end(mut self, sink: &mut Sink<'_, '_>) -> BackupResult<()> {
        self.close_batch(sink)?;
        while !self.queue.is_empty() {
            sink.refresh_if_due()?;
            self.take_front(sink)?;
        }
        Ok(())
    }

    fn push_small(&mut self, item: PlannedItem, sink: &mut Sink<'_, '_>) -> BackupResult<()> {
        let batch = &mut self.batch;
        batch.reads += usize::from(!matches!(item.task, Task::None));
        batch.bytes += if matches!(item.task, Task::Content(_)) { item.entry.size } else { 0 };
        batch.items.push(item);
        if batch.items.len() >= BATCH_ITEMS_MAX
            || batch.reads >= self.batch_reads_max
            || batch.bytes >= BATCH_BYTES_MAX
        {
            self.close_batch(sink)?;
        }
        Ok(())
    }

    fn push_long_file(
        &mut self,
        entry: Entry,
        source: WalkEntry,
        sink: &mut Sink<'_, '_>,
    ) -> BackupResult<()> {
        self.close_batch(sink)?;
        while self.long_files >= LONG_FILES_MAX {
            self.take_front(sink)?;
        }
        let segments = self.readers.read_long_file(entry, source)?;
        self.long_files += 1;
        self.queue.push_back(UnderWay::LongFile { segments });
        Ok(())
    }

    /// Gives the open batch to the readers, if anything in it has to be read.
    fn close_batch(&mut self, sink: &mut Sink<'_, '_>) -> BackupResult<()> {
        if self.batch.items.is_empty() {
            return Ok(());
        }
        let OpenBatch { items, bytes, .. } = std::mem::take(&mut self.batch);
        let weight = bytes + items.len() as u64 * ITEM_WEIGHT;
        while self.weight > 0 && self.weight + weight > UNDER_WAY_WEIGHT_MAX {
            self.take_front(sink)?;
        }
        self.weight += weight;
        let under_way = if items.iter().all(|item| matches!(item.task, Task::None)) {
            UnderWay::Ready { items, weight }
        } else {
            UnderWay::Batch { sequence: self.readers.read_batch(items)?, weight }
        };
        self.queue.push_back(under_way);
        Ok(())
    }

    /// Passes the front of the queue to the sink; waits for it if necessary.
    fn take_front(&mut self, sink: &mut Sink<'_, '_>) -> BackupResult<()> {
        match self.queue.pop_front() {
            None => Ok(()),
            Some(UnderWay::Ready { items, weight }) => {
                self.weight -= weight;
                sink.take_unread(items)
            }
            Some(UnderWay::Batch { sequence, weight }) => {
                let batch = self.readers.wait_for(sequence)?;
                self.weight -= weight;
                sink.take_batch(batch)
            }
            Some(UnderWay::LongFile { segments }) => {
                self.long_files -= 1;
                sink.take_long_file(&segments)
            }
        }
    }
}
