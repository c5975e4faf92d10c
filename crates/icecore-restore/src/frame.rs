//! One directory on the way to the current entry.

use std::{iter::Peekable, vec};

use icecore_fs::entry::EntryKind as FsKind;

use crate::{candidate::Candidate, names::is_leftover, report::KeptReason};

/// What was in a directory of the target before anything was restored into it.
#[derive(Debug)]
pub(crate) enum Listing {
    /// Nothing.
    New,
    /// These names that have not been passed yet, sorted.
    Known(Peekable<vec::IntoIter<(Vec<u8>, FsKind)>>),
    /// It could not be listed.
    Unknown,
}

/// Whether a name was in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It was not.
    Absent,
    /// It was, and of this kind.
    Present(FsKind),
    /// Nobody knows.
    Unknown,
}

/// What is known about a directory of the target.
#[derive(Debug)]
pub(crate) enum FrameState {
    /// Nothing in it is to be restored so far; it has not been looked at.
    Latent,
    /// It is there.
    Open(Listing),
    /// It could not be created.
    Lost,
    /// The newer snapshot does not have it any more.
    Removed,
}

/// One directory on the way to the current entry.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, known at another time")]
pub(crate) struct Frame {
    /// Length of its path.
    pub path_length: usize,
    /// What the snapshot says about it, if it says anything.
    pub candidate: Option<Box<Candidate>>,
    /// What is known about it.
    pub state: FrameState,
    /// Whether it was in its parent, if that was known before it was entered.
    pub existing: Option<Existing>,
    /// The patterns include it, and with it what they do not take out.
    pub is_included: bool,
    /// Names in it that the snapshot does not have are removed, unless there is a shield.
    pub may_delete: bool,
    /// Why everything in it stays that the snapshot does not have.
    pub shield: Option<KeptReason>,
    /// It was asked where in the file system it lies.
    pub is_located: bool,
    /// The newer snapshot does not have it any more.
    pub is_gone: bool,
    /// Nothing of it is changed: the snapshot only knows that something was mounted there.
    pub is_left_alone: bool,
    /// Something in it may be removed without entering it.
    pub is_touched: bool,
    /// Names that are to be removed.
    pub extras: Vec<(Vec<u8>, FsKind)>,
}

impl Frame {
    /// Makes a directory of which nothing is to be restored so far.
    pub fn new(path_length: usize, candidate: Option<Box<Candidate>>) -> Self {
        Self {
            path_length,
            candidate,
            state: FrameState::Latent,
            existing: None,
            is_included: false,
            may_delete: false,
            shield: None,
            is_located: false,
            is_gone: false,
            is_left_alone: false,
            is_touched: false,
            extras: Vec::new(),
        }
    }

    /// Passes the names up to `name`, which the snapshot has, and says whether the directory had it.
    pub fn pass(&mut self, name: &[u8]) -> Existing {
        match &mut self.state {
            FrameState::Open(Listing::New) => Existing::Absent,
            FrameState::Open(Listing::Known(names)) => {
                while let Some(extra) = names.next_if(|(found, _)| found.as_slice() < name) {
                    if self.may_delete || is_leftover(&extra.0, extra.1) {
                        self.extras.push(extra);
                    }
                }
                let found = names.next_if(|(found, _)| found.as_slice() == name);
                found.map_or(Existing::Absent, |(_, kind)| Existing::Present(kind))
            }
            FrameState::Open(Listing::Unknown)
            | FrameState::Latent
            | FrameState::Lost
            | FrameState::Removed => Existing::Unknown,
        }
    }

    /// Passes all names that are left.
    pub fn pass_rest(&mut self) {
        if let FrameState::Open(Listing::Known(names)) = &mut self.state {
            let may_delete = self.may_delete;
            self.extras.extend(names.filter(|(name, kind)| may_delete || is_leftover(name, *kind)));
        }
    }
}
