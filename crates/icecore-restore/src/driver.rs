//! Carries out the steps: workers write a batch of objects while the blocks of the next batch are fetched.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use icecore_fs::{entry::Metadata, error::FsError, target::TargetTree};
use icecore_repo::{manifest::ChunkListReader, reader::BlockPlan};

use crate::{
    candidate::Candidate,
    completion::{self, After},
    deletion, existing,
    holes::{self, HoleState},
    large::{self, LargeFile},
    linking::Linker,
    objects, outcome,
    pool::{Gate, Job, Pool},
    report::ProblemReason,
    restoration::Restoration,
    segments::{self, Segment, Segments},
    steps::Step,
    verdict::Verdict,
};

/// Batches in progress: one is written, one is fetched.
const BATCHES_MAX: usize = 2;
/// Steps at which a batch ends.
const BATCH_STEPS_MAX: usize = 4096;
/// Memory of its steps at which a batch ends, in bytes.
const BATCH_WEIGHT_MAX: usize = 4 << 20;
/// Content at which a batch ends, in bytes, if the reader's cache has room for three times as much.
const BATCH_BYTES_MAX: u64 = 32 << 20;
/// A batch has at most this fraction (one divided by this) of the reader's cache: one batch is written, one
/// is fetched, the rest is for other blocks.
const CACHE_SHARE: u64 = 3;
/// Look-ups in the target that are worth a thread.
const LOOK_UPS_MIN: usize = 64;

/// Objects found at some paths, in the order of the paths.
type LookUps = Vec<Result<Option<Metadata>, FsError>>;

/// Work that can begin when all blocks have been requested, and the work after it.
#[derive(Default)]
struct Batch<'env> {
    jobs: Vec<Job<'env>>,
    plan: BlockPlan,
    content_bytes: u64,
    weight: usize,
    after: After,
}

/// Carries out the steps, in the thread that finds them.
pub(crate) struct Driver<'env, 'pool> {
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    pool: &'pool Pool<'env>,
    batch: Batch<'env>,
    batch_bytes_max: u64,
    on_their_way: VecDeque<(Arc<Gate>, After)>,
    linker: Linker<'env>,
}

impl<'env, 'pool> Driver<'env, 'pool> {
    /// Begins with nothing to do.
    pub fn new(
        restoration: &'env Restoration<'env>,
        tree: &'env TargetTree,
        pool: &'pool Pool<'env>,
    ) -> Self {
        let batch_bytes_max = BATCH_BYTES_MAX.min(restoration.reader.cache_bytes_max() as u64 / CACHE_SHARE);
        let (batch, on_their_way) = (Batch::default(), VecDeque::new());
        let linker = Linker::new(restoration, tree);
        Self { restoration, tree, pool, batch, batch_bytes_max, on_their_way, linker }
    }

    /// Carries out some steps, or starts them.
    pub fn run(&mut self, steps: Vec<Step>) {
        let steps = self.linker.resolve(steps);
        let mut found = self.look_up(&steps).into_iter();
        for step in steps {
            if self.restoration.is_stopped() {
                return;
            }
            self.batch.weight += step.weight();
            match step {
                Step::Object(candidate) => {
                    let found = found.next().unwrap_or(Ok(None));
                    self.object(*candidate, found);
                }
                Step::Link(candidate) => self.batch.after.links.push(*candidate),
                Step::Remove(removal) => self.batch.after.removals.push(removal),
                Step::Leave(left) => self.batch.after.left.push(*left),
                // Objects handle this themselves.
                Step::Displace(_) => {}
            }
            self.flush_if_full();
        }
    }

    /// Looks up what exists at the paths of the objects.
    fn look_up(&self, steps: &[Step]) -> LookUps {
        let mut found: LookUps = Vec::new();
        let mut unknown = Vec::new();
        for step in steps {
            if let Step::Object(candidate) = step {
                if !candidate.is_new {
                    unknown.push((found.len(), candidate.entry.path.clone()));
                }
                found.push(Ok(None));
            }
        }
        // Not by the workers, which have a batch to write; the blocks of the next batch depend on the
        // answers.
        let each = unknown.len().div_ceil(self.restoration.request.concurrency.max(1)).max(LOOK_UPS_MIN);
        let tree = self.tree;
        let results: Vec<_> = thread::scope(|scope| {
            let look_up = |part: &[(usize, Vec<u8>)]| -> Vec<_> {
                part.iter().map(|(index, path)| (*index, tree.look_up(path))).collect()
            };
            let mut parts = unknown.chunks(each);
            let own = parts.next();
            let others: Vec<_> = parts.map(|part| scope.spawn(move || look_up(part))).collect();
            let mut results = own.map(look_up).unwrap_or_default();
            results.extend(others.into_iter().filter_map(|thread| thread.join().ok()).flatten());
            results
        });
        for (index, result) in results {
            found[index] = result;
        }
        found
    }

    fn object(&mut self, candidate: Candidate, found: Result<Option<Metadata>, FsError>) {
        let verdict = match found {
            Ok(Some(found)) if self.restoration.rules.is_protected(found.device, found.inode) => {
                return outcome::finish_object(self.restoration, &candidate, 0, Err(ProblemReason::Own));
            }
            Ok(found) => candidate.judge_in(self.restoration, found.as_ref()),
            Err(source) => {
                return outcome::finish_object(self.restoration, &candidate, 0, Err(source.into()));
            }
        };
        if segments::is_large(&candidate.entry) && !matches!(verdict, Verdict::Right { .. }) {
            let candidate = Arc::new(candidate);
            if let Err(reason) = self.large_file(&candidate, verdict) {
                outcome::finish_object(self.restoration, &candidate, 0, Err(reason));
            }
            return;
        }
        if !matches!(verdict, Verdict::Right { .. } | Verdict::Compare { .. })
            && let Err(reason) = self.plan(&candidate)
        {
            return outcome::finish_object(self.restoration, &candidate, 0, Err(reason));
        }
        self.batch.content_bytes += candidate.entry.content.bytes();
        let (candidate, is_restored) = (Arc::new(candidate), Arc::new(AtomicBool::new(false)));
        if self.restoration.request.verify && candidate.is_file() && !matches!(verdict, Verdict::Right { .. })
        {
            self.batch.after.read_back.push((Arc::clone(&candidate), Arc::clone(&is_restored)));
        }
        let restoration = self.restoration;
        self.batch.jobs.push(Box::new(move || {
            is_restored.store(objects::restore_object(restoration, &candidate, verdict), Ordering::Release);
        }));
    }

    /// Plans the blocks of a small file.
    fn plan(&mut self, candidate: &Candidate) -> Result<(), ProblemReason> {
        let mut list = ChunkListReader::new(self.restoration.reader, &candidate.entry.content);
        while let Some(chunk) = list.next()? {
            self.batch.plan.add(self.restoration.reader, &chunk)?;
        }
        Ok(())
    }

    /// Cuts a large file into segments for all workers.
    fn large_file(&mut self, candidate: &Arc<Candidate>, verdict: Verdict) -> Result<(), ProblemReason> {
        let entry = &candidate.entry;
        deletion::check_directory(self.restoration, self.tree, candidate, verdict)?;
        let mut existing = None;
        if let Verdict::Compare { replace } = verdict {
            existing = existing::open(self.restoration, self.tree, entry);
            if !replace && self.is_right_already(candidate)? {
                return Ok(());
            }
        }
        let large = LargeFile::create(self.restoration, self.tree, Arc::clone(candidate), existing, verdict)?;
        let large = Arc::new(large);
        let mut segments = Segments::new(self.restoration.reader, entry);
        loop {
            match segments.next().and_then(|segment| self.restoration.check().map(|()| segment)) {
                Ok(Some(segment)) if !large.has_failed() => self.segment(&large, segment),
                Ok(_) => break,
                Err(reason) => {
                    large.fail(reason);
                    break;
                }
            }
        }
        if self.restoration.request.verify {
            self.batch.after.read_back.push((Arc::clone(candidate), large.is_restored()));
        }
        Ok(())
    }

    /// Returns whether a large file already has the right content, and if so, sets its metadata.
    fn is_right_already(&mut self, candidate: &Arc<Candidate>) -> Result<bool, ProblemReason> {
        let Some(existing) = existing::open(self.restoration, self.tree, &candidate.entry) else {
            return Ok(false);
        };
        let existing = Arc::new(existing);
        match large::compare(self.restoration, self.pool, candidate, &existing)? {
            HoleState::Wrong => return Ok(false),
            HoleState::Right => {}
            HoleState::Differs => {
                if !holes::repair(self.restoration, self.tree, &candidate.entry, &existing)? {
                    return Ok(false);
                }
            }
        }
        let (restoration, candidate) = (self.restoration, Arc::clone(candidate));
        // Also after making holes, which gives the file a new time.
        let verdict = Verdict::Right { time: false };
        self.batch.jobs.push(Box::new(move || {
            objects::restore_object(restoration, &candidate, verdict);
        }));
        Ok(true)
    }

    fn segment(&mut self, large: &Arc<LargeFile<'env>>, segment: Segment) {
        // Content of the old file is not fetched; the worker finds out which chunks it has.
        if !large.has_existing() && !large.is_archived() {
            for placed in &segment.chunks {
                if let Err(error) = self.batch.plan.add(self.restoration.reader, &placed.chunk) {
                    large.fail(error.into());
                    return;
                }
            }
        }
        self.batch.content_bytes += segment.data_bytes;
        self.batch.weight += segment.chunks.len() * 64;
        let large = Arc::clone(large);
        self.batch.jobs.push(Box::new(move || large.write(&segment)));
        self.flush_if_full();
    }

    fn flush_if_full(&mut self) {
        let Batch { jobs, plan, content_bytes, weight, after } = &self.batch;
        let steps = jobs.len() + after.links.len() + after.removals.len() + after.left.len();
        if steps >= BATCH_STEPS_MAX
            || *weight >= BATCH_WEIGHT_MAX
            || plan.bytes().max(*content_bytes) >= self.batch_bytes_max
        {
            self.flush();
        }
    }

    /// Passes the batch to the threads.
    fn flush(&mut self) {
        while self.on_their_way.len() >= BATCHES_MAX {
            self.finish_oldest();
        }
        let batch = std::mem::take(&mut self.batch);
        for group in batch.plan.into_groups(self.restoration.reader) {
            self.pool.fetch(group);
        }
        let gate = Arc::new(Gate::default());
        for job in batch.jobs {
            self.pool.run(&gate, job);
        }
        self.on_their_way.push_back((gate, batch.after));
    }

    fn finish_oldest(&mut self) {
        let Some((gate, after)) = self.on_their_way.pop_front() else { return };
        gate.wait();
        completion::complete(self.restoration, self.tree, self.pool, after, &mut self.linker);
    }

    /// Waits until everything is done.
    pub fn finish(&mut self) {
        self.flush();
        while !self.on_their_way.is_empty() {
            self.finish_oldest();
        }
    }
}
