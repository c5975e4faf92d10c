//! Exclude patterns that have no effect: an error where nothing else can be meant, else a warning.

use std::env;

use icecore_fs::excludes::{Excludes, ExcludesBuilder, IneffectivePattern, IneffectiveReason, PatternRoot};

use super::sources::{PlannedSource, SourceKind};
use crate::failure::{Failure, Outcome};
use icecore_operations::text;

/// Patterns that are shown of one source.
const SHOWN_MAX: usize = 20;

/// The patterns that have no effect on a source.
#[derive(Debug)]
pub(super) struct IneffectivePatterns {
    source: String,
    found: Vec<IneffectivePattern>,
    /// Number of patterns in files; those of `--exclude` come after them.
    in_files: usize,
}

impl IneffectivePatterns {
    /// Looks for them among all patterns for a source; none for a stream.
    pub(super) fn find(
        builder: &ExcludesBuilder,
        excludes: &Excludes,
        in_files: usize,
        source: &PlannedSource,
    ) -> Option<Self> {
        let SourceKind::Tree { path, real } = &source.kind else { return None };
        let working_directory = env::current_dir().ok();
        let root = PatternRoot { given: path, real, working_directory: working_directory.as_deref() };
        Some(Self { source: source.name.clone(), found: builder.ineffective(excludes, root), in_files })
    }

    /// Returns the patterns of `--exclude`, with their places among these.
    fn on_command_line(&self) -> impl Iterator<Item = (usize, &IneffectivePattern)> {
        self.found.iter().filter_map(|pattern| Some((pattern.index.checked_sub(self.in_files)?, pattern)))
    }

    /// Returns what is to be said of them.
    pub(super) fn warnings(&self) -> Vec<String> {
        let source = &self.source;
        let shown = self.found.iter().take(SHOWN_MAX).map(|pattern| match &pattern.instead {
            Some(instead) => format!("{source}: {pattern}; write {instead}"),
            None => format!("{source}: {pattern}"),
        });
        let mut texts: Vec<String> = shown.collect();
        if let Some(more @ 1..) = self.found.len().checked_sub(SHOWN_MAX) {
            texts.push(format!(
                "{source}: {} more without effect",
                text::counted(more as u64, "exclude pattern")
            ));
        }
        texts
    }
}

/// Refuses a pattern of `--exclude` that has no effect on any source of the command. Those of files may be for other sources.
pub(super) fn refuse(all: &[&IneffectivePatterns]) -> Outcome<()> {
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    let nowhere = first.on_command_line().find(|(number, _)| {
        others.iter().all(|other| other.on_command_line().any(|(other, _)| other == *number))
    });
    nowhere.map_or(Ok(()), |(_, pattern)| Err(failure(pattern)))
}

fn failure(pattern: &IneffectivePattern) -> Failure {
    let failure = Failure::usage(pattern.to_string());
    match (&pattern.instead, &pattern.reason) {
        (Some(instead), _) => {
            failure.hint(format!("write --exclude {}", text::shell_word(instead.as_bytes())))
        }
        (None, IneffectiveReason::BelowExcluded { directory }) => failure.hint(format!(
            "leave out its content, and not the directory itself: --exclude {}",
            text::shell_word(format!("/{directory}/*").as_bytes())
        )),
        (None, _) => {
            failure.hint("patterns are those of gitignore files, relative to PATH; see icecore backup --help")
        }
    }
}
