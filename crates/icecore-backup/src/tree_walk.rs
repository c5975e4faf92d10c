//! The walk through a source, and the objects that it leaves out.

use std::{collections::BTreeSet, path::Path};

use icecore_format::{limits::LEFT_OUT_ITEMS_MAX, snapshot::LeftOut};
use icecore_fs::walk::{Suspects, Walk, WalkItem, WalkOptions};

use crate::{error::BackupResult, request::BackupRequest};

/// The walk of a directory, or the only object of the source.
pub(crate) enum TreeWalk {
    Directory(Walk),
    Single(Option<Vec<WalkItem>>),
}

impl TreeWalk {
    /// Begins the right walk for the root.
    pub fn start(root: &Path, directory: bool, options: WalkOptions) -> BackupResult<Self> {
        Ok(if directory {
            Self::Directory(Walk::start(root, options)?)
        } else {
            Self::Single(Some(vec![WalkItem::Entry(Walk::single(root, true)?)]))
        })
    }

    /// Returns the paths that were left out completely, sorted.
    pub fn skipped(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Directory(walk) => walk.skipped(LEFT_OUT_ITEMS_MAX),
            Self::Single(_) => Vec::new(),
        }
    }

    /// Returns the directories that were moved or removed meanwhile; `suspects` are the ones from which
    /// objects vanished.
    pub fn gone(&self, suspects: Suspects) -> BTreeSet<Vec<u8>> {
        match self {
            Self::Directory(walk) => walk.gone(suspects),
            // The directory of the only object is not part of the source.
            Self::Single(_) => BTreeSet::new(),
        }
    }

    /// Returns how many objects were excluded, and how many vanished in all.
    pub fn left_out(&self, vanished: u64) -> (u64, u64) {
        match self {
            Self::Directory(walk) => (walk.counts().excluded, vanished + walk.counts().vanished),
            Self::Single(_) => (0, vanished),
        }
    }
}

impl Iterator for TreeWalk {
    type Item = Vec<WalkItem>;

    fn next(&mut self) -> Option<Vec<WalkItem>> {
        match self {
            Self::Directory(walk) => walk.next(),
            Self::Single(item) => item.take(),
        }
    }
}

/// Returns the options of the walk.
pub(crate) fn walk_options(request: &BackupRequest) -> WalkOptions {
    WalkOptions {
        concurrency: request.walk_concurrency,
        excludes: request.excludes.clone(),
        exclude_caches: request.exclude_caches,
        one_file_system: request.one_file_system,
        skip: request.skip.clone(),
        ..WalkOptions::default()
    }
}

/// Returns what the run leaves out, as far as it is known in advance.
pub(crate) fn left_out(request: &BackupRequest) -> LeftOut {
    LeftOut {
        patterns: request.excludes.patterns().to_vec(),
        caches: request.exclude_caches,
        other_file_systems: request.one_file_system,
        ..LeftOut::default()
    }
}
