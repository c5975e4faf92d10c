//! Notices that snapshots disappeared, that a repository was rolled back, or that another one is at its
//! location; adds the facts to its log that the next look needs.

use icecore_catalog::Catalog;
use icecore_format::{
    history::{Loss, Lost, SeenHistory},
    ids::{RunId, WriterId},
    layout::parse_snapshot_key,
    log::{CompletedSnapshot, HeldSnapshot, RecordReference},
    snapshot::Snapshot,
};
use icecore_repo::{
    environment::Environment,
    error::RepoResult,
    log::{LogAuthor, LogBook, LogEvents},
    repository::Repository,
    snapshots::SnapshotList,
};
use icecore_store::ObjectInfo;

use crate::{
    findings::Findings,
    notice::WitnessNotice,
    recollection::{Recollection, settle},
    settings::WitnessSettings,
    state::{self, Elsewhere},
    state_files::Recalled,
};

/// Maximum number of snapshots that one record accepts and names again; a record has room for more.
const NAMED_AGAIN_MAX: usize = 256;

/// What a host saw of a repository at another location, when it first uses the repository at this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The other location, if it is known.
    pub elsewhere: Option<String>,
    /// Whether everything that it saw there also exists here.
    pub is_whole: bool,
}

/// The log of a repository, compared with its snapshots and the state of this host.
#[derive(Debug)]
pub struct Watch {
    settings: WitnessSettings,
    recollection: Recollection,
    author: LogAuthor,
    book: LogBook,
    /// Complete snapshots that the log does not name yet.
    unnamed: Vec<CompletedSnapshot>,
    complete: Vec<CompletedSnapshot>,
    losses: Vec<Loss>,
    /// The log cannot be written; this has been reported.
    is_mute: bool,
    /// The state cannot be saved; this has been reported.
    is_forgetful: bool,
}

impl Watch {
    /// Recalls what is known about a repository, reads its log and its snapshots, and compares them. Reports
    /// snapshots that cannot be read.
    pub fn begin(
        settings: &WitnessSettings,
        repository: &Repository,
        catalog: &mut Catalog,
    ) -> RepoResult<(Self, SnapshotList)> {
        let mut recollection = Recollection::recall(settings, repository.id());
        if let Some((book, list)) = LogBook::read_as_unlocked(repository, catalog)? {
            let mut watch = Self::of(settings, recollection, book);
            watch.look(repository, catalog, &list)?;
            // What the host has seen may be newer than that listing.
            if watch.losses.is_empty() && watch.recollection.elsewhere.is_none() {
                watch.report_damaged(&list);
                return Ok((watch, list));
            }
            recollection = watch.recollection;
        }
        let (book, list) = LogBook::read_with_snapshots(repository, catalog)?;
        let mut watch = Self::of(settings, recollection, book);
        watch.report_damaged(&list);
        watch.look(repository, catalog, &list)?;
        watch.arrive(repository, catalog, &list)?;
        Ok((watch, list))
    }

    /// Reads the log of a repository, from its listing if it is given.
    pub fn with_recollection(
        settings: &WitnessSettings,
        recollection: Recollection,
        repository: &Repository,
        catalog: &mut Catalog,
        listed: Option<&[ObjectInfo]>,
    ) -> RepoResult<Self> {
        let book = match listed {
            Some(listed) => LogBook::read_from(repository, catalog, listed)?,
            None => LogBook::read(repository, catalog)?,
        };
        Ok(Self::of(settings, recollection, book))
    }

    fn of(settings: &WitnessSettings, recollection: Recollection, book: LogBook) -> Self {
        let author = LogAuthor {
            writer: recollection.remembered.writer.unwrap_or_else(|| new_writer(&settings.environment)),
            last: recollection.remembered.last,
            host: settings.host.clone(),
            program: settings.program.clone(),
        };
        let (unnamed, complete, losses) = (Vec::new(), Vec::new(), Vec::new());
        let settings = settings.clone();
        Self {
            settings,
            recollection,
            author,
            book,
            unnamed,
            complete,
            losses,
            is_mute: false,
            is_forgetful: false,
        }
    }

    fn notice(&self, notice: &WitnessNotice<'_>) {
        self.settings.events.notice(notice);
    }

    fn report_damaged(&self, list: &SnapshotList) {
        for (_, error) in &list.damaged {
            self.notice(&WitnessNotice::DamagedSnapshot { error });
        }
    }

    /// Compares the log with the snapshots.
    fn look(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        list: &SnapshotList,
    ) -> RepoResult<()> {
        let seen = &self.recollection.remembered.history;
        self.losses = self.book.losses(repository, catalog, list, seen)?;
        let missed: Vec<Lost> = self.losses.iter().map(Loss::what).collect();
        self.unnamed = self.book.unnamed(list);
        // The next look must miss them, too.
        self.unnamed.retain(|snapshot| !missed.contains(&Lost::Naming(snapshot.run)));
        self.see(list);
        Ok(())
    }

    /// Compares a repository that is new at this location with what this host saw of it at another one. If
    /// nothing is missing, remembers that here, too. Otherwise this is an older copy, which is reported once
    /// and has its own history from now on.
    pub fn arrive(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        list: &SnapshotList,
    ) -> RepoResult<Option<Arrival>> {
        let Some(Elsewhere { location, remembered }) = self.recollection.elsewhere.take() else {
            return Ok(None);
        };
        let known = &self.losses;
        let missing = self.book.losses(repository, catalog, list, &remembered.history)?;
        let missing: Vec<Loss> = missing.into_iter().filter(|loss| !known.contains(loss)).collect();
        let (elsewhere, is_whole) = (location.as_deref(), missing.is_empty());
        if is_whole {
            self.recollection.remembered.history = remembered.history;
            self.notice(&WitnessNotice::FirstUseHere { elsewhere });
        } else {
            self.notice(&WitnessNotice::OlderCopy { elsewhere, missing: &missing });
        }
        Ok(Some(Arrival { elsewhere: location, is_whole }))
    }

    /// Adopts the losses that the caller found.
    pub fn adopt(&mut self, losses: &[Loss]) {
        self.losses = losses.to_vec();
    }

    /// Notes the snapshots to be remembered.
    pub fn see(&mut self, list: &SnapshotList) {
        let missed: Vec<Lost> = self.losses.iter().map(Loss::what).collect();
        let is_there = |snapshot: &&Snapshot| {
            let run = snapshot.origin.run;
            // A snapshot whose record is missing is reported again next time, unless it was seen before.
            !self.book.history().is_gone(run) && !missed.contains(&Lost::Naming(run))
        };
        let mut complete: Vec<&Snapshot> = list.complete(None).filter(is_there).collect();
        complete.sort_unstable_by_key(|snapshot| snapshot.origin.run);
        // The others are not remembered, however many there are.
        let surplus = complete.len().saturating_sub(SeenHistory::SNAPSHOTS_MAX);
        self.complete = complete.into_iter().skip(surplus).filter_map(CompletedSnapshot::of).collect();
    }

    /// Returns whether snapshots or records disappeared, or another repository is here.
    pub fn is_alarmed(&self) -> bool {
        !self.losses.is_empty() || self.recollection.other.is_some()
    }

    /// Returns the snapshots whose objects cannot be read, although nobody deleted them: the run, and what
    /// the log says about it.
    pub fn unreadable<'a>(
        &'a self,
        list: &'a SnapshotList,
    ) -> impl Iterator<Item = (RunId, &'a [CompletedSnapshot])> {
        let history = self.book.history();
        let runs = list.damaged.iter().filter_map(|(key, _)| parse_snapshot_key(key).ok());
        runs.filter(|run| !history.is_gone(*run)).map(|run| (run, history.completed(run)))
    }

    /// Returns whether records of the log cannot be read.
    pub fn has_damaged_records(&self) -> bool {
        self.book.damaged().next().is_some()
    }

    /// Returns the losses.
    pub fn findings(&self) -> Findings<'_> {
        Findings {
            other: self.recollection.other,
            seen: self.recollection.history().seen,
            history: self.book.history(),
            losses: &self.losses,
        }
    }

    /// Reports the losses.
    pub fn tell(&self) {
        for (_, error) in self.book.damaged() {
            self.notice(&WitnessNotice::DamagedRecord { error });
        }
        if self.is_alarmed() {
            self.notice(&WitnessNotice::Lost(self.findings()));
        }
    }

    /// Adds a new snapshot for the next record of the log.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let new = CompletedSnapshot::of(snapshot);
        self.complete.extend(new.clone());
        self.unnamed.extend(new);
    }

    /// Adds a new snapshot to the log, and snapshots that earlier runs could not add. A backup never fails
    /// because of the log.
    pub fn completed(
        &mut self,
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
                self.notice(&WitnessNotice::SnapshotNotLogged { error: &error });
            }
        }
        // Saved at once: the next step may never end.
        self.save(repository);
    }

    /// Returns the hold on a snapshot according to the log, if it was not released; it may have ended.
    pub fn held(&self, run: RunId) -> Option<&HeldSnapshot> {
        self.book.history().held(run)
    }

    /// Writes into the log that a hold is placed on a snapshot, and remembers that.
    pub fn hold(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        hold: HeldSnapshot,
    ) -> RepoResult<()> {
        self.append(repository, catalog, LogEvents { holds: vec![hold], ..LogEvents::default() })?;
        self.save(repository);
        Ok(())
    }

    /// Writes into the log that the hold on a snapshot is released, and remembers that.
    pub fn release(&mut self, repository: &Repository, catalog: &mut Catalog, run: RunId) -> RepoResult<()> {
        self.append(repository, catalog, LogEvents { releases: vec![run], ..LogEvents::default() })?;
        self.save(repository);
        Ok(())
    }

    /// Accepts in the log that snapshots have changed, and names them as a repair has left them, in one
    /// record.
    pub fn name_again(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        snapshots: &[CompletedSnapshot],
    ) -> RepoResult<()> {
        for completed in snapshots.chunks(NAMED_AGAIN_MAX) {
            let lost_snapshots = completed.iter().map(|snapshot| snapshot.run).collect();
            let events = LogEvents { completed: completed.to_vec(), lost_snapshots, ..LogEvents::default() };
            self.append(repository, catalog, events)?;
        }
        Ok(())
    }

    /// Writes into the log that losses are accepted.
    pub fn accept(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        losses: &[Loss],
    ) -> RepoResult<()> {
        let mut events = LogEvents::default();
        for loss in losses {
            match loss {
                Loss::Snapshot { snapshot, .. } => events.lost_snapshots.push(snapshot.run),
                Loss::SeenRecord(reference) | Loss::ReferredRecord { reference, .. } => {
                    events.lost_records.push(*reference);
                }
                // The record is only known from what it named.
                Loss::NamingRecord(snapshot) => events.completed.push(snapshot.clone()),
            }
        }
        self.append(repository, catalog, events)
    }

    /// Writes into the log that all losses are accepted, including records that do not open, and that this
    /// repository belongs at this location. Returns the number of records and of snapshots.
    pub fn accept_everything(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
    ) -> RepoResult<(u64, u64)> {
        let lost_records: Vec<RecordReference> =
            self.book.damaged().map(|(reference, _)| *reference).collect();
        let losses = std::mem::take(&mut self.losses);
        let snapshots = losses.iter().filter(|loss| matches!(loss, Loss::Snapshot { .. })).count();
        let records = lost_records.len() + losses.len() - snapshots;
        self.append(repository, catalog, LogEvents { lost_records, ..LogEvents::default() })?;
        self.accept(repository, catalog, &losses)?;
        self.recollection.location_is_new |= self.recollection.other.take().is_some();
        Ok((records as u64, snapshots as u64))
    }

    fn append(
        &mut self,
        repository: &Repository,
        catalog: &mut Catalog,
        events: LogEvents,
    ) -> RepoResult<()> {
        if !events.is_empty() {
            self.book.append(repository, Some(catalog), &mut self.author, events)?;
        }
        Ok(())
    }

    /// Returns who adds to the log.
    pub fn author(&self) -> &LogAuthor {
        &self.author
    }

    /// Returns what this host remembers of the repository.
    pub fn seen(&self) -> &SeenHistory {
        self.recollection.history()
    }

    /// Takes over the author after somebody else added records in its name, and reads the log again.
    pub fn continue_after(
        &mut self,
        author: LogAuthor,
        repository: &Repository,
        catalog: &mut Catalog,
    ) -> RepoResult<()> {
        self.author = author;
        self.book = LogBook::read(repository, catalog)?;
        Ok(())
    }

    /// Saves what the host has seen now.
    pub fn save(&mut self, repository: &Repository) {
        let WitnessSettings { state_directory: Some(directory), location, environment, events, .. } =
            &self.settings
        else {
            return;
        };
        let path = state::repository_file(directory, repository.id(), location);
        let remembered = &mut self.recollection.remembered;
        // Another run of this user may have saved something meanwhile.
        if let Recalled::Found(current) = state::recall(&path, repository.id()) {
            remembered.history.tips.extend(current.history.tips);
            remembered.history.snapshots.extend(current.history.snapshots);
        }
        let complete = self.complete.iter().cloned();
        remembered.history.absorb(self.book.history(), environment.now(), complete);
        if self.author.last.is_some() {
            (remembered.writer, remembered.last) = (Some(self.author.writer), self.author.last);
        }
        let mut saved = state::remember(&path, repository.id(), location, remembered);
        if saved.is_ok() && self.recollection.location_is_new {
            saved = settle(&self.settings, repository.id());
            self.recollection.location_is_new = false;
        }
        if let Err(error) = saved
            && !std::mem::replace(&mut self.is_forgetful, true)
        {
            events.notice(&WitnessNotice::NotRemembered { directory, error: &error });
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

fn new_writer(environment: &Environment) -> WriterId {
    let mut id = [0; WriterId::BYTES];
    environment.entropy.fill(&mut id);
    WriterId(id)
}

#[cfg(test)]
mod tests;
