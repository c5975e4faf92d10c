//! The pipeline of a backup: walk → change detection → readers → deduplication → manifest, in path order throughout.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use icecore_format::entry::{Content, Entry, EntryKind, Marks};
use icecore_fs::{
    error::FsError,
    walk::{WalkEntry, WalkItem},
};
use icecore_repo::{
    error::RepoResult,
    manifest::{ChunkListReader, ManifestCursor},
    reader::ChunkReader,
};

use crate::{
    capture,
    changes::{Need, Rules},
    error::{BackupError, BackupResult},
    job::{Item, Job, ReadBatch, SMALL_FILE_BYTES_MAX, Segment, Task},
    moved::MovedDirectories,
    reading::run_reader,
    request::{BackupNotice, SourceProblem},
    sink::Sink,
    streaming::SEGMENTS_AHEAD,
};

/// A batch is handed to a reader when it has this many items, …
const BATCH_ITEMS_MAX: usize = 256;
/// … or so many of them have to be read (divided by the number of readers), …
const BATCH_READS_UNDER_WAY: usize = 512;
/// … or its files this many bytes.
const BATCH_BYTES_MAX: u64 = 1 << 20;
/// Weight of an item beside its bytes, for the bound on what is under way.
const ITEM_WEIGHT: u64 = 1 << 10;
/// Bytes (with items' weights) that may be under way at a time.
const UNDER_WAY_WEIGHT_MAX: u64 = 32 << 20;
/// Long files that may be under way at a time; each holds some segments in memory.
const STREAMS_MAX: usize = 4;

/// What is known about the base, and how far its manifest has been followed.
pub(crate) struct Base<'a> {
    pub reader: &'a ChunkReader,
    pub cursor: ManifestCursor<'a>,
    pub moved: MovedDirectories<'a>,
    pub rules: Rules,
}

/// Something that is waiting for its turn.
enum Pending {
    /// A batch that a reader is working on.
    Batch { sequence: u64, weight: u64 },
    /// A batch that needs no reader.
    Ready { items: Vec<Item>, weight: u64 },
    /// A long file that a reader is working on.
    Stream { segments: Receiver<Segment> },
}

/// What the walk finds, decided upon and queued in order.
pub(crate) struct Pipeline<'a, 'b, 'c> {
    pub sink: Sink<'a, 'c>,
    base: Option<Base<'b>>,
    jobs: Sender<Job>,
    results: Receiver<ReadBatch>,
    finished: HashMap<u64, ReadBatch>,
    queue: VecDeque<Pending>,
    weight: u64,
    streams: usize,
    sequence: u64,
    batch: Vec<Item>,
    batch_bytes: u64,
    batch_reads: usize,
    batch_reads_max: usize,
    chunks_missing: u64,
    notices: Vec<BackupNotice>,
    /// What is wrong with the root, as long as nothing below it has been seen.
    root_problem: Option<SourceProblem>,
}

/// What is left of a pipeline when the walk has ended.
pub(crate) struct PipelineEnd<'a, 'c> {
    pub sink: Sink<'a, 'c>,
    pub notices: Vec<BackupNotice>,
}

/// Feeds a walk through readers and change detection into the sink.
pub(crate) fn run<'a, 'c>(
    walk: impl Iterator<Item = Vec<WalkItem>>,
    base: Option<Base<'_>>,
    read_concurrency: usize,
    sink: Sink<'a, 'c>,
) -> BackupResult<PipelineEnd<'a, 'c>> {
    let (jobs, job_queue) = crossbeam_channel::unbounded();
    let (result_sender, results) = crossbeam_channel::unbounded();
    let tools = Arc::clone(&sink.tools);
    std::thread::scope(|scope| {
        for _ in 0..read_concurrency.max(1) {
            let (job_queue, result_sender, tools) =
                (job_queue.clone(), result_sender.clone(), Arc::clone(&tools));
            scope.spawn(move || run_reader(&job_queue, &result_sender, &tools));
        }
        drop((job_queue, result_sender));
        let mut pipeline = Pipeline {
            sink,
            base,
            jobs,
            results,
            finished: HashMap::new(),
            queue: VecDeque::new(),
            weight: 0,
            streams: 0,
            sequence: 0,
            batch: Vec::new(),
            batch_bytes: 0,
            batch_reads: 0,
            batch_reads_max: (BATCH_READS_UNDER_WAY / read_concurrency.max(1)).clamp(8, BATCH_ITEMS_MAX),
            chunks_missing: 0,
            notices: Vec::new(),
            root_problem: None,
        };
        for items in walk {
            pipeline.sink.session.refresh_if_due()?;
            for item in items {
                pipeline.plan(item)?;
            }
            pipeline.drain_ready()?;
        }
        pipeline.end()
    })
}

/// Makes the error of a root of which no name is known.
pub(crate) fn unreadable_root(problem: SourceProblem) -> BackupError {
    BackupError::Source(match problem {
        SourceProblem::Unreadable(error) => error,
        _ => FsError::new("read the directory", Vec::new(), io::Error::from(io::ErrorKind::NotFound)),
    })
}

impl<'a, 'c> Pipeline<'a, '_, 'c> {
    fn end(mut self) -> BackupResult<PipelineEnd<'a, 'c>> {
        self.close_batch()?;
        while !self.queue.is_empty() {
            self.sink.session.refresh_if_due()?;
            self.take_front()?;
        }
        if let Some(problem) = self.root_problem.take() {
            // An empty snapshot would become the latest.
            return Err(unreadable_root(problem));
        }
        self.skip_base_to_end();
        if self.chunks_missing > 0 {
            self.notice(BackupNotice::ChunksMissing { files: self.chunks_missing });
        }
        Ok(PipelineEnd { sink: self.sink, notices: self.notices })
    }

    fn notice(&mut self, notice: BackupNotice) {
        self.sink.events.notice(&notice);
        self.notices.push(notice);
    }

    /// Decides what has to be done with what the walk found, and queues it.
    fn plan(&mut self, item: WalkItem) -> BackupResult<()> {
        if !item.path().is_empty()
            && let Some(problem) = self.root_problem.take()
        {
            self.sink.problem(problem);
        }
        let problem = match item {
            WalkItem::Entry(source) => return self.plan_entry(source),
            WalkItem::NameOnly { path, error } => return self.plan_name(path, error),
            WalkItem::Unreadable(error) => SourceProblem::Unreadable(error),
            WalkItem::Gone(path) => SourceProblem::Gone { path },
        };
        if problem.path().is_empty() {
            self.root_problem = Some(problem);
        } else {
            self.sink.problem(problem);
        }
        Ok(())
    }

    /// Queues a name whose object could not be examined.
    fn plan_name(&mut self, path: Vec<u8>, error: Option<FsError>) -> BackupResult<()> {
        if let Some(error) = error {
            self.sink.problem(SourceProblem::Unreadable(error));
        }
        self.base_entry(&path);
        self.queue_item(Item { entry: capture::name_only(path), task: Task::None, leaf: None }, 0)
    }

    fn plan_entry(&mut self, mut source: WalkEntry) -> BackupResult<()> {
        // Most entries of most runs are unchanged: their path is moved on and not copied.
        let mut entry = capture::entry(std::mem::take(&mut source.path), &source.metadata);
        entry.marks = capture::marks(source.look);
        let device = self.sink.links.device_index(source.metadata.device);
        self.sink.granularity.observe(device, entry.changed);
        let base = self.base_entry(&entry.path);
        let known = base.is_some();
        let base_link = base.as_ref().map(|(base, _)| base.link_device);
        // Only for what the base has in this very place.
        let leaf = if known { self.base.as_ref().and_then(|base| base.cursor.leaf_position()) } else { None };
        let base = base.or_else(|| self.moved_entry(&entry));
        if entry.kind != EntryKind::Directory && source.metadata.links > 1 {
            entry.link_device = Some(device);
        }
        let task = if let Some((base, rules)) = base {
            self.compare(&mut entry, base, &rules, source)
        } else {
            source.path.clone_from(&entry.path);
            Self::read_task(&entry, source)
        };
        if entry.kind == EntryKind::File {
            let counts = &mut self.sink.counts;
            match (known, &task) {
                (false, _) => counts.files_new += 1,
                (true, Task::None) => counts.files_unchanged += 1,
                (true, _) => counts.files_changed += 1,
            }
        }
        match task {
            Task::Content(source) => self.plan_content(entry, source),
            task => {
                let same = matches!(task, Task::None) && base_link == Some(entry.link_device);
                let leaf = if same { leaf } else { None };
                self.queue_item(Item { entry, task, leaf }, 0)
            }
        }
    }

    fn read_task(entry: &Entry, source: WalkEntry) -> Task {
        if entry.kind == EntryKind::File { Task::Content(source) } else { Task::Metadata(source) }
    }

    /// Compares with the base, takes over what need not be read, and says what has to be.
    fn compare(&mut self, entry: &mut Entry, base: Entry, rules: &Rules, mut source: WalkEntry) -> Task {
        let mut need = rules.need(entry, &base);
        if need != Need::Everything && !self.chunks_present(&base) {
            self.chunks_missing += 1;
            need = Need::Everything;
        }
        if need != Need::Nothing {
            source.path.clone_from(&entry.path);
        }
        match need {
            Need::Nothing => {
                // The number of links is all that may differ without a new time of change.
                let link_device = entry.link_device;
                *entry = Entry { link_device, ..base };
                Task::None
            }
            Need::Attributes => {
                rules.take_content(entry, base);
                Task::Metadata(source)
            }
            Need::Everything => {
                if rules.is_second_reading(entry, &base) {
                    entry.marks = entry.marks.with(Marks::READ_TWICE);
                }
                Self::read_task(entry, source)
            }
        }
    }

    fn chunks_present(&self, base: &Entry) -> bool {
        match &base.content {
            Content::Inline(chunks) => chunks.iter().all(|chunk| self.sink.session.has_chunk(&chunk.id)),
            Content::List(_) => self.list_present(&base.content).unwrap_or(false),
        }
    }

    /// Says whether a long chunk list can be read and all chunks on it are there: a list may have outlived them.
    fn list_present(&self, content: &Content) -> RepoResult<bool> {
        let Some(base) = &self.base else { return Ok(false) };
        let mut list = ChunkListReader::new(base.reader, content);
        while let Some(chunk) = list.next()? {
            if !chunk.is_hole() && !self.sink.session.has_chunk(&chunk.id) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves through the base up to `path` and returns its entry there.
    fn base_entry(&mut self, path: &[u8]) -> Option<(Entry, Rules)> {
        loop {
            let base = self.base.as_mut()?;
            let order = match base.cursor.peek() {
                Ok(Some(entry)) => icecore_format::path::compare(&entry.path, path),
                Ok(None) => return None,
                Err(error) => {
                    self.base = None;
                    self.notice(BackupNotice::BaseUnreadable { reason: error.to_string() });
                    return None;
                }
            };
            if order.is_gt() {
                return None;
            }
            let rules = base.rules;
            let entry = base.cursor.next().ok().flatten()?;
            if order.is_eq() {
                return Some((entry, rules));
            }
            self.sink.counts.entries_removed += 1;
        }
    }

    /// Returns what the base knows of an object whose directory was moved.
    fn moved_entry(&mut self, entry: &Entry) -> Option<(Entry, Rules)> {
        let base = self.base.as_mut()?;
        let found = base.moved.find(entry);
        let found =
            found.inspect_err(|error| tracing::debug!(%error, "moved directories are read again")).ok()?;
        found.map(|found| (found, base.rules))
    }

    fn skip_base_to_end(&mut self) {
        while let Some(base) = self.base.as_mut()
            && let Ok(Some(_)) = base.cursor.next()
        {
            self.sink.counts.entries_removed += 1;
        }
    }

    /// Queues a file whose content has to be read.
    fn plan_content(&mut self, entry: Entry, source: WalkEntry) -> BackupResult<()> {
        if let Some(group) = entry.link_group()
            && self.sink.links.announce(group)
        {
            return self.queue_item(Item { entry, task: Task::SameFile(source), leaf: None }, 0);
        }
        let size = entry.size;
        if size <= SMALL_FILE_BYTES_MAX {
            return self.queue_item(Item { entry, task: Task::Content(source), leaf: None }, size);
        }
        self.close_batch()?;
        while self.streams >= STREAMS_MAX {
            self.take_front()?;
        }
        let (sender, segments) = bounded(SEGMENTS_AHEAD);
        self.send(Job::Stream { source, entry: Box::new(entry), segments: sender })?;
        self.streams += 1;
        self.queue.push_back(Pending::Stream { segments });
        Ok(())
    }

    fn queue_item(&mut self, item: Item, bytes: u64) -> BackupResult<()> {
        self.batch_reads += usize::from(!matches!(item.task, Task::None));
        self.batch.push(item);
        self.batch_bytes += bytes;
        if self.batch.len() >= BATCH_ITEMS_MAX
            || self.batch_reads >= self.batch_reads_max
            || self.batch_bytes >= BATCH_BYTES_MAX
        {
            self.close_batch()?;
        }
        Ok(())
    }

    /// Hands the open batch to the readers, if there is anything to read.
    fn close_batch(&mut self) -> BackupResult<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let items = std::mem::take(&mut self.batch);
        self.batch_reads = 0;
        let weight = std::mem::take(&mut self.batch_bytes) + items.len() as u64 * ITEM_WEIGHT;
        while self.weight > 0 && self.weight + weight > UNDER_WAY_WEIGHT_MAX {
            self.take_front()?;
        }
        self.weight += weight;
        if items.iter().all(|item| matches!(item.task, Task::None)) {
            self.queue.push_back(Pending::Ready { items, weight });
            return Ok(());
        }
        let sequence = self.sequence;
        self.sequence += 1;
        self.send(Job::Batch { sequence, items })?;
        self.queue.push_back(Pending::Batch { sequence, weight });
        Ok(())
    }

    fn send(&self, job: Job) -> BackupResult<()> {
        self.jobs.send(job).map_err(|_| BackupError::StageLost { stage: "read" })
    }

    /// Takes everything from the front of the queue that is finished.
    fn drain_ready(&mut self) -> BackupResult<()> {
        loop {
            while let Ok(batch) = self.results.try_recv() {
                self.finished.insert(batch.sequence, batch);
            }
            match self.queue.front() {
                Some(Pending::Ready { .. }) => self.take_front()?,
                Some(Pending::Batch { sequence, .. }) if self.finished.contains_key(sequence) => {
                    self.take_front()?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Takes what is at the front of the queue; waits for it if need be.
    fn take_front(&mut self) -> BackupResult<()> {
        match self.queue.pop_front() {
            None => Ok(()),
            Some(Pending::Ready { items, weight }) => {
                self.weight -= weight;
                items.into_iter().try_for_each(|item| self.sink.push_unchanged(item.entry, item.leaf))
            }
            Some(Pending::Batch { sequence, weight }) => {
                let batch = self.wait_for(sequence)?;
                self.weight -= weight;
                batch.items.into_iter().try_for_each(|item| self.sink.take_item(item, &batch.buffer))
            }
            Some(Pending::Stream { segments }) => {
                self.streams -= 1;
                self.sink.take_stream(&segments)
            }
        }
    }

    fn wait_for(&mut self, sequence: u64) -> BackupResult<ReadBatch> {
        loop {
            if let Some(batch) = self.finished.remove(&sequence) {
                return Ok(batch);
            }
            let batch = self.results.recv().map_err(|_| BackupError::StageLost { stage: "read" })?;
            self.finished.insert(batch.sequence, batch);
        }
    }
}
