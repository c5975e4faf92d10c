//! What this host remembers of a repository and of its location when a command begins.

use icecore_format::{entry::Time, history::SeenHistory};
use icecore_repo::repository::Repository;
use icecore_store::RepositoryLocation;

use crate::{
    context::Context,
    failure::Outcome,
    memory::{self, Elsewhere, Recalled, Remembered, Resident},
};

/// What was remembered of a repository and its place when the command began.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(super) remembered: Remembered,
    /// The repository was used at another location, and never at this one.
    pub(super) elsewhere: Option<Elsewhere>,
    /// Another repository was at this location.
    pub(crate) other: Option<Resident>,
    /// Whether this location was seen for the first time.
    pub(super) place_is_new: bool,
    /// When this host first used the repository here, if it knows.
    since: Option<Time>,
}

impl Memory {
    /// Recalls what is known of a repository at the place of the command.
    pub(crate) fn recall(context: &Context, repository: &Repository) -> Outcome<Self> {
        let id = repository.id();
        let Some(state) = &context.directories.state else { return Ok(Self::default()) };
        let place = place(context)?;
        let resident = resident(context)?;
        let mut memory = Self {
            other: resident.filter(|resident| resident.repository != id),
            place_is_new: resident.is_none(),
            since: resident.filter(|resident| resident.repository == id).map(|resident| resident.since),
            ..Self::default()
        };
        let path = memory::repository_file(state, id, &place);
        let found = match memory::recall(&path, id) {
            Recalled::Nothing if resident.is_some_and(|resident| resident.repository == id) => {
                // An earlier program has used it here.
                memory::recall(&memory::unplaced_file(state, id), id)
            }
            found => found,
        };
        match found {
            Recalled::Found(remembered) => memory.remembered = remembered,
            Recalled::Nothing => memory.elsewhere = memory::recall_elsewhere(state, id),
            Recalled::Unusable(why) => context.console.warning(&format!(
                "what this host remembers of the repository, {}, cannot be read: {why}; it starts again, as if it saw \
                 the repository for the first time",
                path.display()
            )),
        }
        Ok(memory)
    }

    /// Returns what the host has seen of the log and the snapshots.
    pub(crate) fn marks(&self) -> &SeenHistory {
        &self.remembered.marks
    }

    /// Returns since when and until when the host has seen the repository here; nothing at the first time.
    pub(crate) fn period(&self) -> Option<(Time, Time)> {
        let seen = self.remembered.marks.seen;
        (seen != Time::default()).then(|| (self.since.unwrap_or(seen).min(seen), seen))
    }
}

/// Returns the repository that this host has seen at the location.
pub(crate) fn resident(context: &Context) -> Outcome<Option<Resident>> {
    let Some(state) = &context.directories.state else { return Ok(None) };
    let place = place(context)?;
    let path = memory::place_file(state, &place);
    Ok(match memory::recall_place(&path, &place) {
        Recalled::Found(resident) => Some(resident),
        Recalled::Nothing => None,
        Recalled::Unusable(why) => {
            context.console.warning(&format!(
                "what this host remembers of this location, {}, cannot be read: {why}; it starts again",
                path.display()
            ));
            None
        }
    })
}

/// Remembers that a repository is at the location.
pub(crate) fn settle(context: &Context, repository: &Repository) -> std::io::Result<()> {
    let Some(state) = &context.directories.state else { return Ok(()) };
    let Ok(place) = place(context) else { return Ok(()) };
    let resident = Resident { repository: repository.id(), since: context.environment.now() };
    memory::remember_place(&memory::place_file(state, &place), &place, resident)
}

/// Returns the location in a form that does not depend on the working directory.
pub(super) fn place(context: &Context) -> Outcome<String> {
    Ok(match context.location()? {
        RepositoryLocation::Local(path) => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.to_string_lossy().trim_end_matches('/').to_owned()
        }
        other => other.to_string(),
    })
}
