//! Entries that the newer snapshot no longer has.

use icecore_format::{
    entry::{Entry, EntryKind},
    path,
};
use icecore_repo::error::RepoError;

use super::Walker;
use crate::{
    candidate::fs_kind,
    frame::{Frame, FrameState, Recorded},
    include::Inclusion,
    names::name_of,
    report::RestoreNotice,
    selection::Selection,
    steps::{Removal, Step},
};

impl Walker<'_> {
    /// Takes an entry that the newer snapshot no longer has.
    pub fn removed(&mut self, selection: &mut Selection<'_>, entry: Entry) -> Result<(), RepoError> {
        if !self.restoration.request.delete || self.is_gap_met || entry.path.is_empty() {
            return Ok(());
        }
        self.leave_until(&entry.path);
        // Everything below something that is no longer a directory is removed with it.
        if !self.open_parents(selection, path::parent(&entry.path).unwrap_or_default())? {
            return Ok(());
        }
        // A removed directory has its names in the older snapshot; a directory that stays keeps everything.
        let is_directory = entry.kind == EntryKind::Directory;
        let inclusion = self.inclusion(&entry.path, is_directory);
        if let Some(above) = self.frames.last_mut().filter(|above| matches!(above.recorded, Recorded::Gone)) {
            above.extras.push((name_of(&entry.path).to_vec(), fs_kind(entry.kind)));
            if above.shield.is_some() {
                if is_directory {
                    self.push(entry.path, Recorded::Gone, inclusion);
                }
                return Ok(());
            }
        }
        if is_directory {
            self.push_removed(entry.path, inclusion);
        } else if inclusion.is_included() {
            self.locate_frames();
            let shield = self.frames.last().and_then(|frame| frame.shield);
            let shield = shield.or_else(|| self.restoration.rules.by_path(&entry.path, false));
            if shield.is_none() {
                self.touch();
            }
            self.step(Step::Remove(Removal { path: entry.path, shield }));
        }
        Ok(())
    }

    /// Enters a directory that the newer snapshot no longer has.
    fn push_removed(&mut self, directory_path: Vec<u8>, inclusion: Inclusion) {
        let shield = self.restoration.rules.by_path(&directory_path, true);
        if !inclusion.is_included() {
            return self.push(directory_path, Recorded::Nothing, inclusion);
        }
        self.push(directory_path, Recorded::Gone, inclusion);
        self.locate_frames();
        if let Some(frame) = self.frames.last_mut() {
            frame.state = FrameState::Removed;
            frame.shield = frame.shield.or(shield);
        }
    }

    /// Finds out which of the current directories are in locations where nothing is deleted.
    fn locate_frames(&mut self) {
        let Some(tree) = self.restoration.tree else { return };
        let mut above = None;
        for frame in &mut self.frames {
            if !frame.is_located {
                frame.is_located = true;
                let directory_path = &self.current[..frame.path_length];
                let found = tree.locate(directory_path).unwrap_or_default();
                frame.shield = frame
                    .shield
                    .or_else(|| found.and_then(|found| self.restoration.rules.by_location(&found)));
            }
            frame.shield = frame.shield.or(above);
            above = frame.shield;
        }
    }

    /// Notes that the times of the last directory will change.
    pub(super) fn touch(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.touch();
        }
    }

    /// Notes that a part of the manifest is unknown: its entries must not count as removed.
    pub fn gap(&mut self) {
        if !self.is_gap_met && self.restoration.request.delete {
            self.restoration.tally.notice(RestoreNotice::DeletionSuspended);
        }
        self.is_gap_met = true;
        self.frames.iter_mut().for_each(Frame::delete_nothing_more);
    }
}
