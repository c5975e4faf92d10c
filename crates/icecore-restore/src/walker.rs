//! Follows the entries of a snapshot through the directories of the target, and returns the steps.

use icecore_format::{
    entry::{Entry, EntryKind, Marks},
    path,
};
use icecore_fs::entry::EntryKind as FsKind;
use icecore_repo::error::RepoError;

use crate::{
    candidate::Candidate,
    directories::{OpenedDirectory, open_directory},
    frame::{Existing, Frame, FrameState, Recorded},
    include::Inclusion,
    names::name_of,
    outcome,
    report::{KeptReason, ProblemReason},
    restoration::Restoration,
    selection::Selection,
    steps::{LeftState, Step},
};

mod removed;

/// Steps are carried out when there are this many.
const STEPS_MAX: usize = 4096;
/// Steps are also carried out when they take this much memory, in bytes.
const STEPS_WEIGHT_MAX: usize = 4 << 20;

/// Purpose of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Everything.
    Restore,
    /// Only to count deletions.
    CountDeletions,
}

/// Follows the entries of a snapshot through the directories of the target.
///
/// Directories are created here, everything else becomes a step. Holds the directories that contain the
/// current entry, with the names that were in them.
pub(crate) struct Walker<'a> {
    restoration: &'a Restoration<'a>,
    purpose: Purpose,
    frames: Vec<Frame>,
    /// Path of the last directory of `frames`.
    current: Vec<u8>,
    /// The last entry that was not a directory: nothing can be below it.
    non_directory: Option<Vec<u8>>,
    /// Nothing more is deleted.
    is_gap_met: bool,
    /// The steps found so far.
    steps: Vec<Step>,
    /// Memory that the steps hold, in bytes.
    weight: usize,
}

impl<'a> Walker<'a> {
    /// Begins at the root of what is restored.
    pub fn new(restoration: &'a Restoration<'a>, purpose: Purpose, selection: &Selection<'_>) -> Self {
        let request = restoration.request;
        // A snapshot without such a directory knows nothing of its neighbours: it is the snapshot of a single
        // file, damaged or forged, or a single object is restored.
        let may_delete = request.delete && request.since.is_none() && selection.root().is_some();
        let mut frame = Frame::new(0, selection.root().cloned().into(), request.include.root(), may_delete);
        frame.shield = restoration.rules.of_marks(selection.marks());
        let mut walker = Self {
            restoration,
            purpose,
            frames: vec![frame],
            current: Vec::new(),
            non_directory: None,
            is_gap_met: false,
            steps: Vec::new(),
            weight: 0,
        };
        if request.include.is_empty() && request.since.is_none() {
            walker.enter();
        }
        walker
    }

    /// Takes the next entry of the snapshot.
    pub fn entry(&mut self, selection: &mut Selection<'_>, candidate: Candidate) -> Result<(), RepoError> {
        let entry_path = &candidate.entry.path;
        if entry_path.is_empty() {
            if self.restoration.request.since.is_some() {
                self.enter();
            }
            return Ok(());
        }
        if let Some(above) = &self.non_directory {
            if path::is_within(entry_path, above) {
                self.refuse(&candidate);
                return Ok(());
            }
            self.non_directory = None;
        }
        self.leave_until(entry_path);
        if !self.open_parents(selection, path::parent(entry_path).unwrap_or_default())? {
            self.refuse(&candidate);
            return Ok(());
        }
        let is_directory = candidate.entry.kind == EntryKind::Directory;
        let inclusion = self.inclusion(entry_path, is_directory);
        if !inclusion.is_included() {
            self.restoration.tally.count(|counts| counts.not_included += 1);
        }
        if is_directory {
            self.directory(candidate, inclusion);
        } else {
            self.non_directory = Some(entry_path.clone());
            self.object(candidate, inclusion.is_included());
        }
        Ok(())
    }

    /// Decides whether an object of the last directory is included.
    fn inclusion(&self, path: &[u8], is_directory: bool) -> Inclusion {
        let include = &self.restoration.request.include;
        let parent = self.frames.last().map_or_else(|| include.root(), |frame| frame.inclusion);
        include.decide(path, is_directory, parent)
    }

    fn refuse(&mut self, candidate: &Candidate) {
        self.restoration.tally.count(|counts| counts.skipped += 1);
        self.restoration.tally.problem(&candidate.entry.path, ProblemReason::NotBelowDirectory);
    }

    fn directory(&mut self, candidate: Candidate, inclusion: Inclusion) {
        self.push(candidate.entry.path.clone(), Some(candidate).into(), inclusion);
        if inclusion.is_included() {
            self.enter();
        }
    }

    fn object(&mut self, mut candidate: Candidate, is_included: bool) {
        if is_included && !self.enter() {
            self.restoration.tally.count(|counts| counts.skipped += 1);
            return;
        }
        let name = name_of(&candidate.entry.path);
        let existing = self.frames.last_mut().map_or(Existing::Unknown, |frame| frame.pass(name));
        if !is_included {
            return;
        }
        if self.purpose == Purpose::CountDeletions {
            let is_known = !candidate.entry.marks.contains(Marks::UNREADABLE);
            if is_known && existing == Existing::Present(FsKind::Directory) {
                self.step(Step::Displace(candidate.entry.path));
            }
            return;
        }
        candidate.is_new = existing == Existing::Absent;
        self.count(&candidate.entry);
        self.warn_of_attributes(&candidate.entry);
        if candidate.is_file() && candidate.entry.marks.contains(Marks::UNREADABLE) {
            let outcome = Err(ProblemReason::UnreadableAtBackup);
            return outcome::finish_object(self.restoration, &candidate, 0, outcome);
        }
        self.step(Step::Object(Box::new(candidate)));
    }

    /// Reports that an object had attributes that the snapshot does not have.
    fn warn_of_attributes(&self, entry: &Entry) {
        if entry.marks.contains(Marks::ATTRIBUTES_INCOMPLETE) {
            let reason = "some could not be read when the backup was made".to_owned();
            self.restoration.tally.warn_aspect("extended attributes", &entry.path, reason, false);
        }
    }

    fn count(&self, entry: &Entry) {
        let is_file = entry.kind == EntryKind::File;
        self.restoration.tally.count(|counts| {
            counts.entries += 1;
            counts.files += u64::from(is_file);
            counts.bytes += if is_file { entry.size } else { 0 };
        });
    }

    fn step(&mut self, step: Step) {
        self.weight += step.weight();
        self.steps.push(step);
    }

    /// Returns whether the steps should be carried out now.
    pub fn is_full(&self) -> bool {
        self.steps.len() >= STEPS_MAX || self.weight >= STEPS_WEIGHT_MAX
    }

    /// Returns the collected steps.
    pub fn take_steps(&mut self) -> Vec<Step> {
        self.weight = 0;
        std::mem::take(&mut self.steps)
    }

    /// Leaves the directories that do not contain `entry_path`.
    fn leave_until(&mut self, entry_path: &[u8]) {
        while self.frames.len() > 1 && !path::is_within(entry_path, &self.current) {
            self.leave();
        }
    }

    /// Leaves all directories.
    pub fn finish(&mut self) {
        while !self.frames.is_empty() {
            self.leave();
        }
    }

    fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if let Some(left) = frame.leave(&self.current) {
            let is_removed = left.state == LeftState::Removed;
            self.step(Step::Leave(Box::new(left)));
            if is_removed {
                self.touch();
            }
        }
        if let Some(above) = self.frames.last() {
            self.current.truncate(above.path_length);
        }
    }

    /// Opens the directories that the stream did not name, down to `parent`; returns false if one of them is
    /// something else.
    fn open_parents(&mut self, selection: &mut Selection<'_>, parent: &[u8]) -> Result<bool, RepoError> {
        while self.current.len() < parent.len() {
            let begin = if self.current.is_empty() { 0 } else { self.current.len() + 1 };
            let rest = parent.get(begin..).unwrap_or_default();
            let end = begin + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let next = parent[..end].to_vec();
            let candidate = match selection.parent(&next) {
                Err(error) if error.is_corruption() => None,
                result => result?,
            };
            if candidate.as_ref().is_some_and(|found| found.entry.kind != EntryKind::Directory) {
                return Ok(false);
            }
            let inclusion = self.inclusion(&next, true);
            let is_known = candidate.is_some();
            self.push(next, candidate.into(), inclusion);
            if let Some(frame) = self.frames.last_mut().filter(|_| !is_known) {
                frame.shield.get_or_insert(KeptReason::Unknown);
            }
        }
        Ok(true)
    }

    fn push(&mut self, directory_path: Vec<u8>, recorded: Recorded, inclusion: Inclusion) {
        let is_included = inclusion.is_included();
        let existing = self
            .frames
            .last_mut()
            .and_then(|frame| frame.state.is_open().then(|| frame.pass(name_of(&directory_path))));
        let request = self.restoration.request;
        let marks = recorded.candidate().map(|found| found.entry.marks);
        let inherited = self.frames.last().and_then(|frame| frame.shield);
        if let Some(candidate) = recorded.candidate().filter(|_| is_included) {
            self.warn_of_attributes(&candidate.entry);
        }
        let may_delete = request.delete && request.since.is_none() && !self.is_gap_met;
        let mut frame = Frame::new(directory_path.len(), recorded, inclusion, may_delete);
        frame.existing = existing;
        frame.shield = inherited.or_else(|| marks.and_then(|marks| self.restoration.rules.of_marks(marks)));
        if marks.is_some_and(|marks| marks.contains(Marks::UNREADABLE)) && is_included {
            self.restoration.tally.problem(&directory_path, ProblemReason::UnreadableAtBackup);
        }
        self.frames.push(frame);
        self.current = directory_path;
    }

    /// Makes sure that all current directories exist; returns false if one could not be created.
    fn enter(&mut self) -> bool {
        for index in 0..self.frames.len() {
            if self.frames[index].state.is_unopened() {
                self.open(index);
            }
        }
        self.frames.last().is_some_and(|frame| frame.state.is_open())
    }

    /// Creates a directory, or lists its content.
    fn open(&mut self, index: usize) {
        let (above, rest) = self.frames.split_at_mut(index);
        let Some(frame) = rest.first_mut() else { return };
        let directory_path = &self.current[..frame.path_length];
        let existing = match above.last_mut() {
            None => Existing::Unknown,
            Some(parent) if matches!(parent.state, FrameState::Lost) => {
                frame.state = FrameState::Lost;
                self.restoration.tally.count(|counts| counts.skipped += 1);
                return;
            }
            Some(parent) => frame.existing.unwrap_or_else(|| parent.pass(name_of(directory_path))),
        };
        let candidate = frame.recorded.candidate();
        match open_directory(self.restoration, directory_path, existing, candidate) {
            Ok(OpenedDirectory { listing, location }) => {
                let is_not_entered =
                    candidate.is_some_and(|found| found.entry.marks.contains(Marks::NOT_ENTERED));
                let reason = location.and_then(|found| self.restoration.rules.by_location(&found));
                frame.shield = frame.shield.or(reason);
                frame.is_located = true;
                frame.open(listing, location.is_some() && is_not_entered);
            }
            Err(reason) => {
                self.restoration.fail_path(directory_path, reason);
                frame.state = FrameState::Lost;
            }
        }
        if let Some(candidate) = frame.recorded.candidate() {
            self.restoration.tally.count(|counts| counts.entries += 1);
            self.restoration.tally.progress_entry(&candidate.entry.path, false, 0);
        }
    }
}
