//! State of this host about a repository and its location at the start of a command.

use std::io;

use icecore_format::{entry::Time, history::SeenHistory, ids::RepositoryId};

use crate::{
    notice::WitnessNotice,
    settings::WitnessSettings,
    state::{self, Elsewhere, Remembered, Resident},
    state_files::Recalled,
};

/// What was remembered about a repository and its location at the start of the command.
#[derive(Debug, Default)]
pub struct Recollection {
    pub(crate) remembered: Remembered,
    /// The repository was used at another location, and never at this one.
    pub(crate) elsewhere: Option<Elsewhere>,
    /// Another repository was at this location.
    pub(crate) other: Option<Resident>,
    /// Whether this location was seen for the first time.
    pub(crate) location_is_new: bool,
    /// When this host first used the repository here, if known.
    since: Option<Time>,
}

impl Recollection {
    /// Recalls what is known about a repository at the location.
    pub fn recall(settings: &WitnessSettings, repository: RepositoryId) -> Self {
        let Some(directory) = &settings.state_directory else { return Self::default() };
        let resident = resident(settings);
        let own = resident.filter(|resident| resident.repository == repository);
        let mut recollection = Self {
            other: resident.filter(|resident| resident.repository != repository),
            location_is_new: resident.is_none(),
            since: own.map(|resident| resident.since),
            ..Self::default()
        };
        let file = state::repository_file(directory, repository, &settings.location);
        let found = match state::recall(&file, repository) {
            Recalled::Nothing if own.is_some() => {
                // An earlier program has used it here.
                state::recall(&state::unplaced_file(directory, repository), repository)
            }
            found => found,
        };
        match found {
            Recalled::Found(remembered) => recollection.remembered = remembered,
            Recalled::Nothing => recollection.elsewhere = state::recall_elsewhere(directory, repository),
            Recalled::Unusable(fault) => {
                settings.events.notice(&WitnessNotice::RepositoryForgotten { file: &file, fault: &fault });
            }
        }
        recollection
    }

    /// Returns what this host has seen of the log and the snapshots.
    pub fn history(&self) -> &SeenHistory {
        &self.remembered.history
    }

    /// Returns the times at which this host first and last saw the repository here; none at the first use.
    pub fn period(&self) -> Option<(Time, Time)> {
        let seen = self.remembered.history.seen;
        (seen != Time::default()).then(|| (self.since.unwrap_or(seen).min(seen), seen))
    }
}

/// Returns the repository that this host saw at the location.
pub fn resident(settings: &WitnessSettings) -> Option<Resident> {
    let directory = settings.state_directory.as_ref()?;
    let file = state::location_file(directory, &settings.location);
    match state::recall_location(&file, &settings.location) {
        Recalled::Found(resident) => Some(resident),
        Recalled::Nothing => None,
        Recalled::Unusable(fault) => {
            settings.events.notice(&WitnessNotice::LocationForgotten { file: &file, fault: &fault });
            None
        }
    }
}

/// Remembers that a repository is at the location.
pub fn settle(settings: &WitnessSettings, repository: RepositoryId) -> io::Result<()> {
    let Some(directory) = &settings.state_directory else { return Ok(()) };
    let resident = Resident { repository, since: settings.environment.now() };
    let file = state::location_file(directory, &settings.location);
    state::remember_location(&file, &settings.location, resident)
}
