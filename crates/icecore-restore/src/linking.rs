//! Makes hard links, in the order of the snapshot.

use icecore_fs::{entry::EntryKind as FsKind, target::TargetTree};

use crate::{
    candidate::Candidate,
    deletion, existing,
    links::LinkTable,
    objects, outcome,
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
    steps::Step,
    verdict::Verdict,
};

/// Makes the hard links of a restore, and knows the file of each.
pub(crate) struct Linker<'env> {
    restoration: &'env Restoration<'env>,
    tree: &'env TargetTree,
    table: LinkTable,
}

impl<'env> Linker<'env> {
    /// Begins without any file.
    pub fn new(restoration: &'env Restoration<'env>, tree: &'env TargetTree) -> Self {
        Self { restoration, tree, table: LinkTable::default() }
    }

    /// Turns objects that are another name of a file into hard links.
    pub fn resolve(&mut self, steps: Vec<Step>) -> Vec<Step> {
        self.table.resolve(&self.restoration.tally, steps)
    }

    /// Links a member of a group to the first file of the group; if that could not be restored, this member
    /// becomes the first.
    pub fn link(&mut self, candidate: &Candidate) {
        let restoration = self.restoration;
        let Some(group) = candidate.entry.link_group() else { return };
        let first = self.table.first(group).map(<[u8]>::to_vec).unwrap_or_default();
        if restoration.take_failed_group(group) {
            return self.stand_in(candidate);
        }
        match self.try_link(candidate, &first) {
            Ok(true) => outcome::finish_object(restoration, candidate, 0, Ok(())),
            // A device node that could not be created, or another process removed it.
            Ok(false) => self.stand_in(candidate),
            Err(ProblemReason::Target { source }) if !source.is_storage_full() => {
                let reason = source.source.to_string();
                let privileged = source.is_permission_denied();
                restoration.tally.warn_aspect("hard link", &candidate.entry.path, reason, privileged);
                self.stand_in(candidate);
            }
            Err(reason) => outcome::finish_object(restoration, candidate, 0, Err(reason)),
        }
    }

    /// Makes the link; returns false if there is nothing to link to.
    fn try_link(&self, candidate: &Candidate, first: &[u8]) -> Result<bool, ProblemReason> {
        let (restoration, tree) = (self.restoration, self.tree);
        let path = &candidate.entry.path;
        let Some(wanted) = tree.look_up(first)? else { return Ok(false) };
        let found = if candidate.is_new { None } else { tree.look_up(path)? };
        let action = match found {
            Some(found) if (found.device, found.inode) == (wanted.device, wanted.inode) => {
                restoration.tally.count(|counts| counts.already_right += 1);
                return Ok(true);
            }
            Some(found) if restoration.rules.is_protected(found.device, found.inode) => {
                return Err(ProblemReason::Own);
            }
            Some(found) if found.kind == FsKind::Directory => {
                deletion::check_directory(restoration, tree, candidate, Verdict::Directory)?;
                deletion::displace(restoration, tree, path)?;
                RestoreAction::Replace
            }
            Some(found) if found.kind != wanted.kind => RestoreAction::Replace,
            None | Some(_) => RestoreAction::Link,
        };
        tree.create_hard_link(first, path)?;
        restoration.tally.count(|counts| {
            counts.links_created += 1;
            counts.replaced += u64::from(action == RestoreAction::Replace);
        });
        restoration.tally.action(action, path);
        Ok(true)
    }

    /// Restores a member of a link group as a file; later members are linked to it.
    fn stand_in(&mut self, candidate: &Candidate) {
        let (restoration, tree) = (self.restoration, self.tree);
        if let Some(group) = candidate.entry.link_group() {
            self.table.replace_first(group, &candidate.entry.path);
        }
        let found = match tree.look_up(&candidate.entry.path) {
            Ok(found) => found,
            Err(source) => return outcome::finish_object(restoration, candidate, 0, Err(source.into())),
        };
        if found.is_some_and(|found| restoration.rules.is_protected(found.device, found.inode)) {
            return outcome::finish_object(restoration, candidate, 0, Err(ProblemReason::Own));
        }
        let verdict = candidate.judge_in(restoration, found.as_ref());
        if objects::restore_object(restoration, candidate, verdict)
            && restoration.request.verify
            && candidate.is_file()
            && let Err(reason) = existing::read_back(restoration, tree, &candidate.entry)
        {
            restoration.fail(candidate, reason);
        }
    }
}
