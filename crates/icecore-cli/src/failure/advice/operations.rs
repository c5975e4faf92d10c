//! Advice about operations that fail.

use icecore_operations::{
    copy::NotCopied,
    entries::below_root,
    error::{OperationError, Uncertainty},
    init::InitError,
    key::KeyError,
    overlap::Overlap,
    reference::{ReferenceError, WrongReference},
    text,
};
use icecore_prune::PruneError;

use super::{Advice, Flag, advice, backup, reference, restore};

/// What to do if it was no attack.
pub(crate) const ACCEPT: &str =
    "if an older copy was restored on purpose, run `icecore check --accept-rollback`";
const REFERENCE: &str =
    "write [SOURCE@]SNAPSHOT[:PATH], for example latest, home@latest~1 or 3f9a2c:dir/file";
/// What to do if a command refuses to choose a snapshot.
const UNCERTAIN: &str = "run `icecore check` for details; to continue, name a snapshot by its id (`icecore snapshots` lists \
                         them), or add --ignore-rollback to use the newest existing one";
/// What to do if the named snapshot itself disappeared.
const GONE: &str = "run `icecore check` for details; `icecore snapshots` lists the existing snapshots";
/// What to know if key files cannot be replaced.
pub(in crate::failure) const KEY_STAYS: &str =
    "the key was not changed, because commands that use the old key file by default would fail";

/// What to do if a snapshot was forgotten while it was being read.
pub(crate) const FORGOTTEN: &str =
    "`icecore snapshots` lists the existing snapshots; `icecore hold` keeps one while it is being read";

/// How to say what to keep.
const RULES: &str =
    "name snapshots, or give rules, for example --keep-daily 7 --keep-monthly 12, or --scheme gfs";

/// Returns what to do if snapshots are not forgotten or brought back, or packs are not removed.
fn of_prune(error: &PruneError) -> Option<Advice> {
    match error {
        PruneError::Held { run, .. } => Some(
            format!("nothing was forgotten; to end the hold: icecore release {}", run.snapshot_id()).into(),
        ),
        PruneError::NotPending { .. } => {
            Some("nothing was removed; `icecore prune --dry-run` names the runs that are waited for".into())
        }
        PruneError::NotForgotten { .. } => Some("`icecore snapshots` lists the existing snapshots".into()),
        _ => None,
    }
}

/// Returns what to do about an operation that failed.
pub(in crate::failure) fn of(error: &OperationError) -> Option<Advice> {
    let advice = match error {
        OperationError::Backup(fault) => return backup::of(fault),
        OperationError::Copy(NotCopied::SameRepository { .. }) => {
            "give another repository with --to; to copy a whole repository, copy its files"
        }
        OperationError::Copy(NotCopied::NoSnapshot { error, .. }) => return reference::of(error),
        OperationError::Init(InitError::Disappeared { repository, .. }) => {
            let text = format!(
                "mount the missing file system, or put the repository back; to create a new one anyway, add \
                 --in-place-of {repository}"
            );
            return Some(text.into());
        }
        OperationError::Key(KeyError::NoneGiven) => {
            "use --new-key-file, --new-password-file, --new-password-command or --kms"
        }
        OperationError::Key(KeyError::IsPresent) => {
            "nothing was changed; name a key file that does not exist yet to create it with a new key"
        }
        OperationError::Key(KeyError::FilesStay(_)) => KEY_STAYS,
        OperationError::Overlap(Overlap::Source { .. }) => {
            "to copy a repository, copy its files; it cannot be backed up into itself"
        }
        OperationError::ForgottenMeanwhile { .. } => FORGOTTEN,
        OperationError::Retention(_) => RULES,
        OperationError::NothingSelected => "`icecore snapshots` lists hosts, sources and tags",
        OperationError::LastOfSource { .. } => "add --yes to forget it anyway",
        OperationError::UndoWithoutId => "`icecore forget --undo ID`, with the id that `forget` reported",
        OperationError::SeveralForgotten { .. } => "give more digits of the id",
        OperationError::Prune(error) => return of_prune(error),
        OperationError::Overlap(Overlap::Target { .. }) => "choose another directory",
        OperationError::Reference(wrong) => return Some(of_reference(wrong)),
        OperationError::Uncertain(Uncertainty::Gone { .. }) => GONE,
        OperationError::Uncertain(_) => UNCERTAIN,
        OperationError::DifferentPaths => "use the same PATH in both snapshots, or omit it",
        OperationError::RestoreRefused(refusal) => return restore::of(refusal),
        OperationError::RolledBack => {
            return Some(format!("run `icecore check` for details; {ACCEPT}").into());
        }
        OperationError::PolicyWithoutBucket => {
            return Some(advice![
                "give ",
                Flag::Repository,
                " s3://bucket/prefix; it does not have to exist"
            ]);
        }
        OperationError::PathNotFound { id, root, path } => return Some(of_path(id, root, path).into()),
        OperationError::NotFile { id, .. } => {
            let text = format!("name a file: {id}:PATH; `icecore ls {id} --recursive` lists the files");
            return Some(text.into());
        }
        _ => return None,
    };
    Some(advice.into())
}

fn of_reference(wrong: &WrongReference) -> Advice {
    match wrong.fault() {
        ReferenceError::WithPath { snapshot } => {
            format!("omit the path: {}", text::shell_word(snapshot.as_bytes())).into()
        }
        _ => REFERENCE.into(),
    }
}

fn of_path(id: &str, root: &[u8], path: &[u8]) -> String {
    let shown = text::printable(root);
    match below_root(root, path) {
        Some(rest) => {
            let reference = [id.as_bytes(), b":", rest].concat();
            let reference = text::shell_word(&reference);
            format!("paths are relative to the source's root, {shown}: use {reference}")
        }
        None => {
            format!("paths are relative to the source's root, {shown}; `icecore ls {id}` lists them")
        }
    }
}
