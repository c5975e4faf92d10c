//! Objects that must stay in the target: those that may have been left out of the snapshot, and those that
//! are never touched.

use icecore_format::{entry::Marks, path, snapshot::LeftOut};
use icecore_fs::{entry::EntryKind as FsKind, excludes::Excludes, target::Location};

use crate::{include::IncludePatterns, names::join, report::KeptReason, request::RestoreRequest};

/// Objects that must stay in the target.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Path in the source of the directory that corresponds to the target.
    base: Vec<u8>,
    include: IncludePatterns,
    excludes: Excludes,
    /// Single objects that the backup left out, relative to the source's root.
    left_out: Vec<Vec<u8>>,
    /// The snapshot does not list everything that was left out.
    is_unknown: bool,
    delete_excluded: bool,
    protected: Vec<(u64, u64)>,
}

impl Rules {
    /// Collects the rules of the request and its snapshot; `is_single` if a single object is restored.
    pub fn new(request: &RestoreRequest, is_single: bool) -> Self {
        let base = if is_single { path::parent(&request.path).unwrap_or_default() } else { &request.path };
        let mut rules = Self {
            base: base.to_vec(),
            include: request.include.clone(),
            excludes: Excludes::none(),
            left_out: Vec::new(),
            is_unknown: false,
            delete_excluded: request.delete_excluded,
            protected: request.protected.clone(),
        };
        let completion = request.snapshot.completion();
        let left_out = completion.and_then(|completion| completion.left_out.as_ref());
        if let Some(left_out) = left_out.filter(|_| !request.delete_excluded) {
            rules.read(left_out);
        }
        rules
    }

    fn read(&mut self, left_out: &LeftOut) {
        self.is_unknown = left_out.more;
        self.left_out.clone_from(&left_out.paths);
        let mut builder = Excludes::builder();
        let is_understood = left_out.patterns.iter().all(|pattern| builder.add_pattern(pattern).is_ok());
        match builder.build() {
            Ok(excludes) if is_understood => self.excludes = excludes,
            // A later program may have other patterns.
            _ => self.is_unknown = true,
        }
    }

    /// Returns why an object stays that the snapshot does not have, by its path relative to the target; its
    /// parent is not excluded.
    pub fn by_path(&self, path: &[u8], is_directory: bool) -> Option<KeptReason> {
        if !self.include.is_included(path, is_directory) {
            return Some(KeptReason::NotIncluded);
        }
        if self.is_unknown {
            return Some(KeptReason::Unknown);
        }
        if self.excludes.is_empty() && self.left_out.is_empty() {
            return None;
        }
        let full = join(&self.base, path);
        if self.left_out.iter().any(|left_out| path::is_within(&full, left_out)) {
            return Some(KeptReason::LeftOut);
        }
        self.excludes.is_excluded(&full, is_directory).then_some(KeptReason::Excluded)
    }

    /// Returns why an object stays, by its location and its identity.
    pub fn by_location(&self, found: &Location) -> Option<KeptReason> {
        if self.is_protected(found.device, found.inode) {
            return Some(KeptReason::Own);
        }
        found.is_foreign.then_some(KeptReason::MountPoint)
    }

    /// Returns why an object of the target stays that the snapshot does not have.
    pub fn of(&self, path: &[u8], found: &Location) -> Option<KeptReason> {
        self.by_location(found).or_else(|| self.by_path(path, found.kind == FsKind::Directory))
    }

    /// Returns why everything in a directory stays that the snapshot does not have.
    pub fn of_marks(&self, marks: Marks) -> Option<KeptReason> {
        if marks.contains(Marks::UNREADABLE) {
            Some(KeptReason::Unreadable)
        } else if marks.contains(Marks::NOT_ENTERED) {
            Some(KeptReason::NotEntered)
        } else if marks.contains(Marks::CACHE_LEFT_OUT) && !self.delete_excluded {
            Some(KeptReason::Cache)
        } else {
            None
        }
    }

    /// Returns whether an object is never deleted and never overwritten.
    pub fn is_protected(&self, device: u64, inode: u64) -> bool {
        self.protected.contains(&(device, inode))
    }
}

#[cfg(test)]
mod tests;
