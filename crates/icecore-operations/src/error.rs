//! Why an operation failed.

use std::io;

use icecore_access::AccessError;
use icecore_check::CheckError;
use icecore_format::{entry::EntryKind, ids::RunId, snapshot::Snapshot};
use icecore_policy::retention::RetentionError;
use icecore_prune::PruneError;
use icecore_repo::error::RepoError;
use icecore_restore::RestoreError;
use jiff::Span;

use crate::{
    backup::BackupFault,
    copy::NotCopied,
    entries::kind_name,
    init::InitError,
    key::KeyError,
    overlap::Overlap,
    reference::{ResolveError, WrongReference},
    restore::RestoreRefusal,
    text,
};

/// Result of an operation.
pub type OperationResult<T> = Result<T, OperationError>;

/// Why an operation failed. Never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// The repository cannot be reached, unlocked or created.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The repository cannot be read or written.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// Content cannot be read.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The request is refused, and nothing is restored.
    #[error(transparent)]
    RestoreRefused(#[from] RestoreRefusal),
    /// The repository cannot be checked, or a repair cannot be planned or begun.
    #[error(transparent)]
    Check(Box<CheckError>),
    /// A repair that had begun cannot continue.
    #[error(transparent)]
    Repair(Box<CheckError>),
    /// Snapshots are not forgotten or brought back, or packs are not removed.
    #[error(transparent)]
    Prune(Box<PruneError>),
    /// A change of a snapshot exceeds the bounds of the format.
    #[error("a text is too long, or there are too many tags")]
    ChangeTooLarge,
    /// A hold would have ended already.
    #[error("the end of the hold is in the past")]
    HoldEnded,
    /// The rules of retention contradict each other, or would keep nothing.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// No snapshot has the host, source and tags of a selection.
    #[error("no snapshot has this host, source or tag; nothing was forgotten")]
    NothingSelected,
    /// The last snapshot of a source would be forgotten.
    #[error("no snapshot of the source {source_name:?} of host {host} would remain; nothing was forgotten")]
    LastOfSource {
        /// Host.
        host: String,
        /// Name of the source.
        source_name: String,
    },
    /// A snapshot is to be brought back that is not named by its id.
    #[error("a forgotten snapshot is named by its id")]
    UndoWithoutId,
    /// Several forgotten snapshots have ids that begin with the digits.
    #[error("several forgotten snapshots have an id that begins with {digits}: {}", .ids.join(", "))]
    SeveralForgotten {
        /// The digits.
        digits: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// The destination of a copy failed.
    #[error("destination repository: {0}")]
    Destination(#[source] Box<Self>),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The receiver of the result failed.
    #[error("failed to write the output")]
    Output(#[source] io::Error),
    /// A question was asked, and the answer could not be read.
    #[error("failed to read the answer")]
    Answer(#[source] io::Error),

    /// A snapshot was forgotten while it was being read, and a part of its data is gone.
    #[error("snapshot {} was forgotten while it was being read, and data of it was removed: {error}", .run.snapshot_id())]
    ForgottenMeanwhile {
        /// Its run.
        run: RunId,
        /// What is missing.
        error: Box<Self>,
    },
    /// Nothing was copied, or one snapshot was not copied.
    #[error(transparent)]
    Copy(#[from] NotCopied),
    /// A repository is not created.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A key is not added or changed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A request for backups is refused, or a source is not backed up.
    #[error(transparent)]
    Backup(#[from] BackupFault),
    /// Two directories overlap that must not.
    #[error(transparent)]
    Overlap(#[from] Overlap),
    /// A text is not a valid reference.
    #[error(transparent)]
    Reference(#[from] WrongReference),
    /// A reference matches no snapshot, or several.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// It is not certain which snapshot a reference means.
    #[error(transparent)]
    Uncertain(#[from] Uncertainty),
    /// Snapshots disappeared, or the repository was rolled back.
    #[error(
        "SNAPSHOTS DISAPPEARED, OR THE REPOSITORY WAS ROLLED BACK: somebody removed objects or put back \
         an older copy"
    )]
    RolledBack,
    /// The snapshot has no manifest.
    #[error("snapshot {id} is not complete")]
    SnapshotIncomplete {
        /// Its id.
        id: String,
    },
    /// The snapshot has no such path.
    #[error("snapshot {id} does not contain {}", text::quoted(.path))]
    PathNotFound {
        /// Id of the snapshot.
        id: String,
        /// Root of its source on the host.
        root: Vec<u8>,
        /// The path.
        path: Vec<u8>,
    },
    /// The path is not a file, but a file is needed.
    #[error("{} is a {}, not a file", text::quoted(.path), kind_name(*.kind))]
    NotFile {
        /// Id of the snapshot.
        id: String,
        /// The path.
        path: Vec<u8>,
        /// Its kind.
        kind: EntryKind,
    },
    /// The two references of a comparison name different paths.
    #[error("the two references name different paths")]
    DifferentPaths,
    /// A directory has no policies.
    #[error("only a repository on S3 has policies")]
    PolicyWithoutBucket,
    /// A span goes back beyond the calendar.
    #[error("{span:#} ago is too far in the past")]
    BeforeCalendar {
        /// The span.
        span: Span,
    },
}

/// Why it is not certain which snapshot a reference means.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uncertainty {
    /// The named snapshot itself disappeared or was changed.
    #[error("snapshot {digits} is missing, or was changed after it was completed")]
    Gone {
        /// Given digits of its id.
        digits: String,
    },
    /// Snapshots or records disappeared, and the right one may be among them.
    #[error(
        "cannot determine the newest snapshot: snapshots disappeared, or the repository was rolled back (see the warnings); \
         no snapshot was read, and nothing was written"
    )]
    Lost,
    /// A newer snapshot cannot be read, and may be the right one.
    #[error(
        "cannot determine the newest snapshot: the object of snapshot {} is damaged; no snapshot was read, and nothing was \
         written",
        .run.snapshot_id()
    )]
    Damaged {
        /// The snapshot.
        run: RunId,
    },
}

impl From<CheckError> for OperationError {
    fn from(error: CheckError) -> Self {
        Self::Check(Box::new(error))
    }
}

impl OperationError {
    /// Marks the error as one of the destination of a copy.
    #[must_use]
    pub fn of_destination(self) -> Self {
        Self::Destination(Box::new(self))
    }

    /// Makes the error of a path that a snapshot does not have.
    pub fn path_not_found(snapshot: &Snapshot, path: &[u8]) -> Self {
        Self::PathNotFound {
            id: snapshot.origin.run.snapshot_id(),
            root: snapshot.origin.root.clone(),
            path: path.to_owned(),
        }
    }
}
