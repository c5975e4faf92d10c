//! A directory that contains the current entry.

use std::{iter::Peekable, vec};

use icecore_fs::entry::EntryKind as FsKind;

use crate::{
    candidate::Candidate,
    include::Inclusion,
    names::is_leftover,
    report::KeptReason,
    steps::{LeftDirectory, LeftState},
};

/// Content of a directory of the target before anything was restored into it.
#[derive(Debug)]
pub(crate) enum Listing {
    /// Nothing.
    New,
    /// The names that have not been passed yet, sorted.
    Known(Peekable<vec::IntoIter<(Vec<u8>, FsKind)>>),
    /// It could not be listed.
    Unknown,
}

/// Whether a name was in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// No.
    Absent,
    /// Yes, with this kind.
    Present(FsKind),
    /// Unknown.
    Unknown,
}

/// State of a directory of the target.
#[derive(Debug)]
pub(crate) enum FrameState {
    /// Nothing in it is to be restored so far, and it has not been looked at.
    Latent,
    /// Same as `Latent`, but something in it may be removed.
    Touched,
    /// It exists.
    Open(Listing),
    /// It exists and stays as it is: the snapshot only knows that something was mounted there.
    LeftAlone(Listing),
    /// It could not be created.
    Lost,
    /// The newer snapshot no longer has it.
    Removed,
}

impl FrameState {
    /// Returns whether the directory exists.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open(_) | Self::LeftAlone(_))
    }

    /// Returns whether the directory must be opened before anything is restored into it.
    pub fn is_unopened(&self) -> bool {
        matches!(self, Self::Latent | Self::Touched | Self::Removed)
    }

    fn listing(&mut self) -> Option<&mut Listing> {
        match self {
            Self::Open(listing) | Self::LeftAlone(listing) => Some(listing),
            Self::Latent | Self::Touched | Self::Lost | Self::Removed => None,
        }
    }
}

/// What the snapshot says about a directory.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// Nothing.
    Nothing,
    /// It has the directory.
    Present(Box<Candidate>),
    /// It no longer has the directory.
    Gone,
}

impl Recorded {
    /// Returns the directory as it is in the snapshot.
    pub fn candidate(&self) -> Option<&Candidate> {
        if let Self::Present(candidate) = self { Some(candidate) } else { None }
    }
}

impl From<Option<Candidate>> for Recorded {
    fn from(candidate: Option<Candidate>) -> Self {
        candidate.map_or(Self::Nothing, |candidate| Self::Present(Box::new(candidate)))
    }
}

/// A directory that contains the current entry.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Length of its path.
    pub path_length: usize,
    /// What the snapshot says about it.
    pub recorded: Recorded,
    /// Its state.
    pub state: FrameState,
    /// Whether its parent had it, if this was known before it was entered.
    pub existing: Option<Existing>,
    /// Decision of the patterns on it.
    pub inclusion: Inclusion,
    /// Names in it that the snapshot does not have are removed, unless there is a shield.
    pub is_mirrored: bool,
    /// Why everything in it stays that the snapshot does not have.
    pub shield: Option<KeptReason>,
    /// Its location in the file system has been looked up.
    pub is_located: bool,
    /// Names to be removed.
    pub extras: Vec<(Vec<u8>, FsKind)>,
}

impl Frame {
    /// Makes a directory in which nothing is to be restored so far. Nothing in it is deleted unless the
    /// patterns include it and `may_delete` is true.
    pub fn new(path_length: usize, recorded: Recorded, inclusion: Inclusion, may_delete: bool) -> Self {
        Self {
            path_length,
            recorded,
            state: FrameState::Latent,
            existing: None,
            inclusion,
            is_mirrored: may_delete && inclusion.is_included(),
            shield: None,
            is_located: false,
            extras: Vec::new(),
        }
    }

    /// Keeps all names in it that have not been passed yet.
    pub fn delete_nothing_more(&mut self) {
        self.is_mirrored = false;
    }

    /// Notes that the directory exists, and its content.
    pub fn open(&mut self, listing: Listing, is_left_alone: bool) {
        if matches!(listing, Listing::Unknown) {
            self.delete_nothing_more();
        }
        self.state = if is_left_alone { FrameState::LeftAlone(listing) } else { FrameState::Open(listing) };
    }

    /// Notes that something in the directory may be removed, which changes its times.
    pub fn touch(&mut self) {
        if matches!(self.state, FrameState::Latent) {
            self.state = FrameState::Touched;
        }
    }

    /// Passes the names up to `name`, which the snapshot has; returns whether the directory had it.
    pub fn pass(&mut self, name: &[u8]) -> Existing {
        match self.state.listing() {
            Some(Listing::New) => Existing::Absent,
            Some(Listing::Known(names)) => {
                while let Some(extra) = names.next_if(|(found, _)| found.as_slice() < name) {
                    if self.is_mirrored || is_leftover(&extra.0, extra.1) {
                        self.extras.push(extra);
                    }
                }
                let found = names.next_if(|(found, _)| found.as_slice() == name);
                found.map_or(Existing::Absent, |(_, kind)| Existing::Present(kind))
            }
            Some(Listing::Unknown) | None => Existing::Unknown,
        }
    }

    /// Passes all remaining names.
    fn pass_rest(&mut self) {
        if let Some(Listing::Known(names)) = self.state.listing() {
            let is_mirrored = self.is_mirrored;
            self.extras.extend(names.filter(|(name, kind)| is_mirrored || is_leftover(name, *kind)));
        }
    }

    /// Returns the final work on the directory when the walk leaves it, if there is any.
    pub fn leave(mut self, path: &[u8]) -> Option<LeftDirectory> {
        self.pass_rest();
        let state = match self.state {
            FrameState::Open(_) => LeftState::Entered,
            FrameState::LeftAlone(_) => LeftState::LeftAlone,
            FrameState::Touched => LeftState::Touched,
            FrameState::Removed => LeftState::Removed,
            FrameState::Latent | FrameState::Lost => return None,
        };
        let candidate = match self.recorded {
            Recorded::Present(candidate) if state != LeftState::LeftAlone => Some(candidate),
            Recorded::Present(_) | Recorded::Nothing | Recorded::Gone => None,
        };
        Some(LeftDirectory {
            path: path.to_vec(),
            candidate,
            extras: self.extras,
            shield: self.shield,
            state,
        })
    }
}
