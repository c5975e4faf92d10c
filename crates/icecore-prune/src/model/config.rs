//! What a schedule begins with, and who takes part.

use super::{
    rules::Rule,
    set::Set,
    store::{RUNS, Record},
};

/// What a writer is going to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriterPlan {
    pub(super) run: u8,
    /// Chunks of the source.
    pub(super) wants: Set,
    /// Whether the writer adopts packs without directories, as a copier and a resumed backup do.
    pub(super) adopts: bool,
    /// Snapshot that files are taken over from, if it is complete when the run begins.
    pub(super) base: Option<u8>,
    /// Index of the writer whose session this one continues; it begins when that one has ended.
    pub(super) continues: Option<u8>,
}

impl WriterPlan {
    pub(super) const fn new(run: u8, wants: &[u8]) -> Self {
        Self { run, wants: Set::of(wants), adopts: false, base: None, continues: None }
    }
}

/// Which snapshot is brought back, by which run.
#[derive(Clone, Copy, Debug)]
pub(super) struct UndoPlan {
    pub(super) run: u8,
    pub(super) snapshot: u8,
}

/// What has happened before the schedules begin, if that is more than backups.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) records: [Option<Record>; 2],
    /// A record as it was when a collector read it that is about to sweep it.
    pub(super) sweeping: Option<Record>,
    /// Whether the first writer has been fenced, and is about to write its pack.
    pub(super) writer_wakes: bool,
    /// Snapshots that are deleted and whose own packs are gone.
    pub(super) swept: Set,
}

/// What a schedule begins with, and who takes part.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Config {
    pub(super) writers: Vec<WriterPlan>,
    pub(super) undo: Option<UndoPlan>,
    /// The snapshot that a reader restores.
    pub(super) reads: Option<u8>,
    pub(super) collectors: usize,
    /// Complete snapshots, each with one pack of these chunks.
    pub(super) snapshots: Vec<(u8, Set)>,
    /// Packs of runs that were aborted; without a directory if this says so.
    pub(super) left_behind: Vec<(u8, Set, bool)>,
    /// Snapshots that may be forgotten at any time.
    pub(super) forgettable: Set,
    /// Number of records that the collectors may create.
    pub(super) records: usize,
    /// Whether listings and the reading of what they name are separate steps.
    pub(super) has_fine_steps: bool,
    /// Whether replies may be lost.
    pub(super) loses_replies: bool,
    /// Whether listings of snapshots may be cut short.
    pub(super) cuts_listings: bool,
    /// The object of the collectors is listed before the run of this number.
    pub(super) collector_name: u8,
    /// Whether it is checked in each state what actors do that run alone from there.
    pub(super) checks_ends: bool,
    pub(super) left_out: Option<Rule>,
    pub(super) given: Given,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            writers: Vec::new(),
            undo: None,
            reads: None,
            collectors: 1,
            snapshots: Vec::new(),
            left_behind: Vec::new(),
            forgettable: Set::EMPTY,
            records: 2,
            has_fine_steps: true,
            loses_replies: false,
            cuts_listings: false,
            collector_name: RUNS as u8,
            checks_ends: true,
            left_out: None,
            given: Given::default(),
        }
    }
}

impl Config {
    pub(super) fn follows(&self, rule: Rule) -> bool {
        self.left_out != Some(rule)
    }
}
