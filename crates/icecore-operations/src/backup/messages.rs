//! Problems and notices of a backup in words, as in its document.

use icecore_backup::events::{BackupNotice, SourceProblem};

use super::IneffectivePatterns;
use crate::text;

/// Maximum number of patterns that are shown for one source.
const PATTERNS_SHOWN_MAX: usize = 20;

/// Returns a problem in words.
pub fn problem_text(problem: &SourceProblem) -> String {
    match problem {
        SourceProblem::Unreadable(error) => format!("failed to {}", text::reason(error)),
        SourceProblem::Changing { path } => {
            format!(
                "{} changed each time it was read; the snapshot contains the last version that was read",
                text::quoted(path)
            )
        }
        SourceProblem::Gone { path } => format!(
            "the directory {} was moved or removed during the backup; files below it may be missing in the snapshot",
            text::quoted(path)
        ),
        SourceProblem::Refused { path, reason, below } => {
            let more = if *below > 0 {
                format!(" and {} below it", text::files_or_directories(*below))
            } else {
                String::new()
            };
            format!("{}{more} cannot be stored: {}", text::quoted(path), text::reason(reason))
        }
    }
}

/// Returns a notice in words.
pub fn notice_text(notice: &BackupNotice) -> String {
    match notice {
        BackupNotice::FirstIsFull => "there is no earlier snapshot of this source: this one is a full".to_owned(),
        BackupNotice::GroupNeedsFull => {
            "--dedup group needs a full of its own, because the last full also uses data of earlier snapshots: this snapshot \
             is a full, and begins a new group"
                .to_owned()
        }
        BackupNotice::BaseUnreadable { reason } => {
            format!("the earlier snapshot cannot be read, so every file is read again: {reason}")
        }
        BackupNotice::ClockBehind { newest, started } => format!(
            "the newest snapshot of the source, {} of {}, is later than this host's clock: the clock is wrong now, or was wrong \
             then; this does not change the order of the snapshots",
            newest.snapshot_id(),
            text::utc_time(*started).unwrap_or_default()
        ),
        BackupNotice::ClockDiffers(difference) => {
            let direction = if difference.here > difference.store { "ahead of" } else { "behind" };
            format!(
                "this host's clock is {} {direction} the repository's; set it right, for example with a time service",
                text::duration(difference.distance())
            )
        }
        BackupNotice::ChunksMissing { files } => format!(
            "the repository lacks data of an earlier snapshot, so {} had to be read again; run `icecore check`",
            text::counted(*files, "file")
        ),
    }
}

/// Returns the messages about patterns without effect, one for each.
pub fn pattern_texts(patterns: &IneffectivePatterns) -> Vec<String> {
    let IneffectivePatterns { source, found, .. } = patterns;
    let shown = found.iter().take(PATTERNS_SHOWN_MAX).map(|pattern| match &pattern.instead {
        Some(instead) => format!("{source}: {pattern}; write {instead}"),
        None => format!("{source}: {pattern}"),
    });
    let mut texts: Vec<String> = shown.collect();
    if let Some(more @ 1..) = found.len().checked_sub(PATTERNS_SHOWN_MAX) {
        let more = text::counted(more as u64, "more exclude pattern");
        texts.push(format!("{source}: {more} without effect"));
    }
    texts
}
