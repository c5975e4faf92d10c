//! Decides how to handle each object that the walk finds, by comparing it with the base.

pub(crate) mod base;
pub(crate) mod changes;

mod granularity;
mod moved;

use icecore_format::entry::{Entry, EntryKind, Marks};
use icecore_fs::walk::WalkEntry;

use self::{
    base::Base,
    changes::{Need, Rules},
    granularity::Granularity,
};
use crate::{
    capture,
    events::BackupNotice,
    reading::job::{PlannedItem, Task},
    sink::Sink,
    tally::Tally,
};

/// Compares a walk with the base, object by object and in the order of both.
pub(crate) struct Comparison<'b> {
    /// Absent after its manifest could not be read.
    base: Option<Base<'b>>,
    granularity: Granularity,
    /// Files that are read again because the repository lacks chunks of them.
    files_with_missing_chunks: u64,
}

impl<'b> Comparison<'b> {
    /// Begins at the root; without a base everything is new.
    pub fn new(base: Option<Base<'b>>) -> Self {
        Self { base, granularity: Granularity::default(), files_with_missing_chunks: 0 }
    }

    /// Decides how to handle an object.
    pub fn plan(&mut self, mut source: WalkEntry, sink: &mut Sink<'_, '_>) -> PlannedItem {
        // Most entries of most runs are unchanged: their path is moved, not copied.
        let mut entry = capture::entry(std::mem::take(&mut source.path), &source.metadata);
        entry.marks = capture::marks(source.completeness);
        let device = sink.links.device_index(source.metadata.device);
        self.granularity.observe(device, entry.changed);
        let base = self.base_entry(&entry.path, sink.tally());
        let known = base.is_some();
        let base_link = base.as_ref().map(|(base, _)| base.link_device);
        // Only if the base has it under the same path.
        let leaf = if known { self.base.as_ref().and_then(Base::leaf_position) } else { None };
        let base = base.or_else(|| self.moved_entry(&entry));
        if entry.kind != EntryKind::Directory && source.metadata.links > 1 {
            entry.link_device = Some(device);
        }
        let task = if let Some((base, rules)) = base {
            self.compare(&mut entry, base, &rules, source, sink)
        } else {
            source.path.clone_from(&entry.path);
            read_task(&entry, source)
        };
        if entry.kind == EntryKind::File {
            let counts = &mut sink.tally().counts;
            match (known, &task) {
                (false, _) => counts.files_new += 1,
                (true, Task::None) => counts.files_unchanged += 1,
                (true, _) => counts.files_changed += 1,
            }
        }
        match task {
            Task::Content(source) if is_announced(&entry, sink) => {
                PlannedItem { entry, task: Task::SameFile(source), leaf: None }
            }
            task => {
                let same = matches!(task, Task::None) && base_link == Some(entry.link_device);
                PlannedItem { leaf: if same { leaf } else { None }, entry, task }
            }
        }
    }

    /// Passes a name whose object could not be examined.
    pub fn pass(&mut self, path: &[u8], tally: &mut Tally<'_>) {
        self.base_entry(path, tally);
    }

    /// Counts the entries of the base after the last object; returns the granularity of the source's times in
    /// nanoseconds.
    pub fn end(mut self, tally: &mut Tally<'_>) -> u64 {
        if let Some(base) = &mut self.base
            && let Err(error) = base.skip_to_end(&mut tally.counts.entries_removed)
        {
            tracing::debug!(%error, "some removed objects are not counted");
        }
        if self.files_with_missing_chunks > 0 {
            tally.notice(BackupNotice::ChunksMissing { files: self.files_with_missing_chunks });
        }
        self.granularity.coarsest()
    }

    /// Compares with the base, copies the content that does not have to be read, and returns the task.
    fn compare(
        &mut self,
        entry: &mut Entry,
        base: Entry,
        rules: &Rules,
        mut source: WalkEntry,
        sink: &Sink<'_, '_>,
    ) -> Task {
        let mut need = rules.need(entry, &base);
        if need != Need::Everything && !self.has_chunks(&base, sink) {
            self.files_with_missing_chunks += 1;
            need = Need::Everything;
        }
        if need != Need::Nothing {
            source.path.clone_from(&entry.path);
        }
        match need {
            Need::Nothing => {
                // Only the number of links may differ without a new time of change.
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
                read_task(entry, source)
            }
        }
    }

    /// Returns whether the repository has all chunks that the base has for a file.
    fn has_chunks(&self, file: &Entry, sink: &Sink<'_, '_>) -> bool {
        self.base.as_ref().is_some_and(|base| base.has_chunks(file, sink.session()))
    }

    /// Moves through the base up to `path` and returns its entry there.
    fn base_entry(&mut self, path: &[u8], tally: &mut Tally<'_>) -> Option<(Entry, Rules)> {
        let base = self.base.as_mut()?;
        match base.advance_to(path, &mut tally.counts.entries_removed) {
            Ok(found) => found.map(|entry| (entry, base.rules)),
            Err(error) => {
                self.base = None;
                tally.notice(BackupNotice::BaseUnreadable { reason: error.to_string() });
                None
            }
        }
    }

    /// Returns the base's entry of an object in a moved directory.
    fn moved_entry(&mut self, entry: &Entry) -> Option<(Entry, Rules)> {
        let base = self.base.as_mut()?;
        let found = base.find_moved(entry);
        let found =
            found.inspect_err(|error| tracing::debug!(%error, "moved directories are read again")).ok()?;
        found.map(|found| (found, base.rules))
    }
}

fn read_task(entry: &Entry, source: WalkEntry) -> Task {
    if entry.kind == EntryKind::File { Task::Content(source) } else { Task::Metadata(source) }
}

/// Returns whether another name of the file came before, and is read.
fn is_announced(file: &Entry, sink: &mut Sink<'_, '_>) -> bool {
    file.link_group().is_some_and(|group| sink.links.announce(group))
}
