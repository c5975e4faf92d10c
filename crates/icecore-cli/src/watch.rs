//! Notices that snapshots disappeared, that a repository was rolled back, or that another one lies in its
//! place; and adds to its log what the next look needs.

use icecore_catalog::Catalog;
use icecore_format::{
    history::{Fate, Loss, Lost, SeenHistory},
    ids::{RunId, WriterId},
    layout::parse_snapshot_key,
    log::{CompletedSnapshot, RecordReference},
    snapshot::Snapshot,
};
use icecore_repo::{
    log::{LogAuthor, LogBook, LogEvents},
    repository::Repository,
    snapshots::SnapshotList,
};
use icecore_store::ObjectInfo;

use crate::{
    context::{Context, OpenRepository, program, warn_of_damaged},
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    memory::{self, Elsewhere, Recalled},
    watch::{recollection::place, report::LossDocument},
};
use icecore_operations::text;

mod look;
mod recollection;
pub(crate) mod report;

pub(crate) use look::Look;
pub(crate) use recollection::{Memory, resident, settle};

/// Losses that are shown one by one.
const LOSSES_SHOWN_MAX: usize = 20;

/// Snapshots that are accepted and named again in one record; it has room for more.
const NAMED_AGAIN_MAX: usize = 256;

/// What a host that uses a repository for the first time at a location has seen of it at another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The other location.
    pub(crate) elsewhere: String,
    /// Whether nothing is missing here of what it has seen there.
    pub(crate) is_whole: bool,
}

/// The log of a repository, held against its snapshots and what this host remembers.
#[derive(Debug)]
pub(crate) struct Watch {
    memory: Memory,
    author: LogAuthor,
    book: LogBook,
    /// Complete snapshots that the log does not name yet.
    unnamed: Vec<CompletedSnapshot>,
    complete: Vec<CompletedSnapshot>,
    losses: Vec<Loss>,
    /// The log does not take records; that was told.
    is_mute: bool,
    /// What was seen cannot be kept; that was told.
    is_forgetful: bool,
}

impl Watch {
    /// Recalls what is known of a repository, reads its log and its snapshots, and holds one against the other. Warns of
    /// snapshots that cannot be read.
    pub(crate) fn begin(context: &Context, open: &mut OpenRepository) -> Outcome<(Self, SnapshotList)> {
        let mut memory = Memory::recall(context, &open.repository)?;
        if let Some((book, list)) = LogBook::read_as_unlocked(&open.repository, &mut open.catalog)? {
            let mut watch = Self::of(context, memory, book);
            watch.look(open, &list)?;
            // What the host has seen may be newer than that listing.
            if watch.losses.is_empty() && watch.memory.elsewhere.is_none() {
                warn_of_damaged(&context.console, &list);
                return Ok((watch, list));
            }
            memory = watch.memory;
        }
        let (book, list) = LogBook::read_with_snapshots(&open.repository, &mut open.catalog)?;
        warn_of_damaged(&context.console, &list);
        let mut watch = Self::of(context, memory, book);
        watch.look(open, &list)?;
        watch.arrive(context, open, &list)?;
        Ok((watch, list))
    }

    /// Reads the log of a repository, as it was listed if that is given.
    pub(crate) fn with_memory(
        context: &Context,
        memory: Memory,
        open: &mut OpenRepository,
        listed: Option<&[ObjectInfo]>,
    ) -> Outcome<Self> {
        let book = match listed {
            Some(listed) => LogBook::read_from(&open.repository, &mut open.catalog, listed)?,
            None => LogBook::read(&open.repository, &mut open.catalog)?,
        };
        Ok(Self::of(context, memory, book))
    }

    fn of(context: &Context, memory: Memory, book: LogBook) -> Self {
        let author = LogAuthor {
            writer: memory.remembered.writer.unwrap_or_else(|| new_writer(context)),
            last: memory.remembered.last,
            host: context.host.clone(),
            program: program(),
        };
        let (unnamed, complete, losses) = (Vec::new(), Vec::new(), Vec::new());
        Self { memory, author, book, unnamed, complete, losses, is_mute: false, is_forgetful: false }
    }

    /// Holds the log against the snapshots.
    pub(crate) fn look(&mut self, open: &mut OpenRepository, list: &SnapshotList) -> Outcome<()> {
        let marks = &self.memory.remembered.marks;
        self.losses = self.book.losses(&open.repository, &mut open.catalog, list, marks)?;
        let missed: Vec<Lost> = self.losses.iter().map(Loss::what).collect();
        self.unnamed = self.book.unnamed(list);
        // Whoever looks next is to miss them, too.
        self.unnamed.retain(|snapshot| !missed.contains(&Lost::Naming(snapshot.run)));
        self.see(list);
        Ok(())
    }

    /// Compares a repository that is new at this location with what the host has seen of it at another one.
    /// If nothing is missing, that is remembered here, too; else this is an older copy, which is reported
    /// once and has its own history from now on.
    pub(crate) fn arrive(
        &mut self,
        context: &Context,
        open: &mut OpenRepository,
        list: &SnapshotList,
    ) -> Outcome<Option<Arrival>> {
        let Some(Elsewhere { location, remembered }) = self.memory.elsewhere.take() else { return Ok(None) };
        let known = &self.losses;
        let missing = self.book.losses(&open.repository, &mut open.catalog, list, &remembered.marks)?;
        let missing: Vec<Loss> = missing.into_iter().filter(|loss| !known.contains(loss)).collect();
        let elsewhere = location.map_or_else(|| "another location".to_owned(), |path| format!("{path:?}"));
        let is_whole = missing.is_empty();
        if is_whole {
            self.memory.remembered.marks = remembered.marks;
            context.console.notice(&format!(
                "this host uses the repository for the first time at this location; nothing is missing of what it has seen \
                 at {elsewhere}"
            ));
        } else {
            report::warn_of_older_copy(context, &elsewhere, &missing);
        }
        Ok(Some(Arrival { elsewhere, is_whole }))
    }

    /// Takes the losses that somebody else found.
    pub(crate) fn adopt(&mut self, losses: &[Loss]) {
        self.losses = losses.to_vec();
    }

    /// Takes the snapshots that are to be remembered.
    pub(crate) fn see(&mut self, list: &SnapshotList) {
        let missed: Vec<Lost> = self.losses.iter().map(Loss::what).collect();
        let is_there = |snapshot: &&Snapshot| {
            let run = snapshot.origin.run;
            // One whose record is missed is missed again next time, unless it was seen before.
            !self.book.history().is_gone(run) && !missed.contains(&Lost::Naming(run))
        };
        let mut complete: Vec<&Snapshot> = list.complete(None).filter(is_there).collect();
        complete.sort_unstable_by_key(|snapshot| snapshot.origin.run);
        // Others are not remembered, however many there are.
        let surplus = complete.len().saturating_sub(SeenHistory::SNAPSHOTS_MAX);
        self.complete = complete.into_iter().skip(surplus).filter_map(CompletedSnapshot::of).collect();
    }

    /// Says whether snapshots or records disappeared, or another repository lies here.
    pub(crate) fn is_alarmed(&self) -> bool {
        !self.losses.is_empty() || self.memory.other.is_some()
    }

    /// Returns the snapshots whose objects cannot be read, and that nobody deleted: the run, and what the log says of it.
    pub(crate) fn unreadable<'a>(
        &'a self,
        list: &'a SnapshotList,
    ) -> impl Iterator<Item = (RunId, &'a [CompletedSnapshot])> {
        let history = self.book.history();
        let runs = list.damaged.iter().filter_map(|(key, _)| parse_snapshot_key(key).ok());
        runs.filter(|run| !history.is_gone(*run)).map(|run| (run, history.completed(run)))
    }

    /// Says whether records of the log cannot be read.
    fn has_damaged_records(&self) -> bool {
        self.book.damaged().next().is_some()
    }

    /// Warns of what was found.
    pub(crate) fn tell(&self, context: &Context) {
        for (_, error) in self.book.damaged() {
            context.console.warning(&format!("a record of the log cannot be read: {}", reason(error)));
        }
        if !self.is_alarmed() {
            return;
        }
        for document in self.documents(context).iter().take(LOSSES_SHOWN_MAX) {
            context.console.warning(&document.message);
        }
        if self.losses.len() > LOSSES_SHOWN_MAX {
            let more = text::count((self.losses.len() - LOSSES_SHOWN_MAX) as u64);
            context.console.warning(&format!("{more} more (`icecore check` lists all)"));
        }
    }

    /// Returns what a command says last if snapshots disappeared, or the repository was rolled back.
    pub(crate) fn alarm(&self) -> Option<Failure> {
        let failure = Failure::new(
            ExitStatus::Damage,
            "SNAPSHOTS DISAPPEARED, OR THE REPOSITORY WAS ROLLED BACK: somebody removed objects, or put an older copy in its \
             place",
        );
        self.is_alarmed()
            .then(|| failure.hint(format!("run `icecore check`, which reports more; {ACCEPT_ADVICE}")))
    }

    /// Returns what was found, for JSON.
    pub(crate) fn documents(&self, context: &Context) -> Vec<LossDocument> {
        report::documents(context, &self.memory, self.book.history(), &self.losses)
    }

    /// Takes a new snapshot, which the next record of the log names.
    pub(crate) fn add(&mut self, snapshot: &Snapshot) {
        let new = CompletedSnapshot::of(snapshot);
        self.complete.extend(new.clone());
        self.unnamed.extend(new);
    }

    /// Adds a new snapshot to the log, and those that earlier runs could not add. A backup never fails because of the log.
    pub(crate) fn completed(
        &mut self,
        context: &Context,
        repository: &Repository,
        catalog: Option<&mut Catalog>,
        snapshot: Option<&Snapshot>,
    ) {
        let missed = self.missed();
        if let Some(snapshot) = snapshot {
            self.add(snapshot);
        }
        if self.unnamed.is_empty() {
            return;
        }
        let events = LogEvents { completed: self.unnamed.clone(), missed, ..LogEvents::default() };
        match self.book.append(repository, catalog, &mut self.author, events) {
            Ok(()) => self.unnamed.clear(),
            Err(_) if self.is_mute => {}
            Err(error) => {
                self.is_mute = true;
                context.console.warning(&format!(
                    "the log does not take the snapshot: {}; the snapshot is complete all the same, and the next backup \
                     adds it to the log",
                    reason(&error)
                ));
            }
        }
        // At once: what comes next may never end.
        self.save(context, repository);
    }

    /// Accepts in the log that snapshots are not what they were, and names them as a repair has left them, in one record.
    pub(crate) fn name_again(
        &mut self,
        open: &mut OpenRepository,
        snapshots: &[CompletedSnapshot],
    ) -> Outcome<()> {
        for completed in snapshots.chunks(NAMED_AGAIN_MAX) {
            let lost_snapshots = completed.iter().map(|snapshot| snapshot.run).collect();
            let events = LogEvents { completed: completed.to_vec(), lost_snapshots, ..LogEvents::default() };
            self.append(open, events)?;
        }
        Ok(())
    }

    /// Writes into the log that losses are accepted.
    pub(crate) fn accept(&mut self, open: &mut OpenRepository, losses: &[Loss]) -> Outcome<()> {
        let mut events = LogEvents::default();
        for loss in losses {
            match loss {
                Loss::Snapshot { snapshot, .. } => events.lost_snapshots.push(snapshot.run),
                Loss::SeenRecord(reference) | Loss::ReferredRecord { reference, .. } => {
                    events.lost_records.push(*reference);
                }
                // The record is named by nothing but what it named.
                Loss::NamingRecord(snapshot) => events.completed.push(snapshot.clone()),
            }
        }
        self.append(open, events)
    }

    /// Writes into the log that everything that is lost is accepted, also records that do not open, and that this repository
    /// is the one of this place. Returns the number of records and of snapshots.
    pub(crate) fn accept_everything(&mut self, open: &mut OpenRepository) -> Outcome<(u64, u64)> {
        let lost_records: Vec<RecordReference> =
            self.book.damaged().map(|(reference, _)| *reference).collect();
        let losses = std::mem::take(&mut self.losses);
        let snapshots = losses.iter().filter(|loss| matches!(loss, Loss::Snapshot { .. })).count();
        let records = lost_records.len() + losses.len() - snapshots;
        self.append(open, LogEvents { lost_records, ..LogEvents::default() })?;
        self.accept(open, &losses)?;
        self.memory.place_is_new |= self.memory.other.take().is_some();
        Ok((records as u64, snapshots as u64))
    }

    fn append(&mut self, open: &mut OpenRepository, events: LogEvents) -> Outcome<()> {
        if !events.is_empty() {
            self.book.append(&open.repository, Some(&mut open.catalog), &mut self.author, events)?;
        }
        Ok(())
    }

    /// Keeps what the host has seen now.
    pub(crate) fn save(&mut self, context: &Context, repository: &Repository) {
        let now = context.environment.now();
        let (Some(state), Ok(place)) = (&context.directories.state, place(context)) else { return };
        let path = memory::repository_file(state, repository.id(), &place);
        let remembered = &mut self.memory.remembered;
        // Another run of this user may have kept something meanwhile.
        if let Recalled::Found(current) = memory::recall(&path, repository.id()) {
            remembered.marks.tips.extend(current.marks.tips);
            remembered.marks.snapshots.extend(current.marks.snapshots);
        }
        remembered.marks.absorb(self.book.history(), now, self.complete.iter().cloned());
        if self.author.last.is_some() {
            (remembered.writer, remembered.last) = (Some(self.author.writer), self.author.last);
        }
        let mut saved = memory::remember(&path, repository.id(), &place, remembered);
        if saved.is_ok() && self.memory.place_is_new {
            saved = settle(context, repository);
            self.memory.place_is_new = false;
        }
        if let Err(error) = saved
            && !std::mem::replace(&mut self.is_forgetful, true)
        {
            context.console.warning(&format!(
                "what this host has seen of the repository cannot be kept in {}: {}; if the repository is rolled back, \
                 this host may not notice",
                state.display(),
                reason(&error)
            ));
        }
    }

    fn missed(&self) -> Vec<RecordReference> {
        let missed = self.losses.iter().filter_map(|loss| match loss {
            Loss::SeenRecord(reference) => Some(*reference),
            _ => None,
        });
        missed.collect()
    }
}

/// What to do if it was no attack.
pub(crate) const ACCEPT_ADVICE: &str =
    "if an older copy was put back on purpose, `icecore check --accept-rollback` accepts it";

fn new_writer(context: &Context) -> WriterId {
    let mut id = [0; WriterId::BYTES];
    context.environment.entropy.fill(&mut id);
    WriterId(id)
}

/// Returns the name of what became of a snapshot, as problems of a check have it.
pub(crate) fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Vanished => "snapshot-vanished",
        Fate::Reverted => "snapshot-reverted",
        Fate::Altered => "snapshot-altered",
    }
}
