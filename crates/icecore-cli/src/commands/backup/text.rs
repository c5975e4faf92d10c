//! The result of a backup, as text.

use std::{fmt::Write, io};

use icecore_format::node::Totals;
use icecore_operations::{
    backup::{SourceReport, SourceSuccess, problem_text},
    documents::level_name,
    overlap::{OwnDirectory, OwnDirectoryKind},
    text,
};

use crate::{failure::Failure, surface::console::Console};

/// Maximum number of problems that are shown.
const PROBLEMS_SHOWN_MAX: usize = 20;

/// Returns the notice about a name that was chosen for another root.
pub(super) fn new_root(name: &str, last: &[u8], root: &[u8]) -> String {
    let (last, root) = (text::printable(last), text::printable(root));
    format!("the last snapshot of {name} is of {last}, this one is of {root}")
}

/// Returns the notice about a directory that is left out.
pub(super) fn left_out(directory: &OwnDirectory) -> String {
    let what = match directory.kind {
        OwnDirectoryKind::Repository => "the repository",
        OwnDirectoryKind::Catalog => "the catalogue",
    };
    format!("excluded {what} {}, which is inside the source", directory.path.display())
}

/// Shows the result for a source.
pub(super) fn show(console: &Console, source: &SourceReport) -> io::Result<()> {
    let name = text::printable(source.name.as_bytes());
    match &source.result {
        Ok(done) => {
            console.try_summary(&summary(&name, done))?;
            show_problems(console, &name, done);
        }
        Err(error) => console.failure(&Failure::of_operation(error)),
    }
    Ok(())
}

/// Returns the result in a few lines.
fn summary(source: &str, done: &SourceSuccess) -> String {
    let (report, counts) = (&done.report, done.report.counts);
    let (count, size) = (text::count, text::size);
    let mut lines = title(source, done);
    // Writing to a string does not fail.
    let _ = writeln!(
        lines,
        "  files   {} new, {} changed, {} unchanged; in total {} with {}{}",
        count(counts.files_new),
        count(counts.files_changed),
        count(counts.files_unchanged),
        text::counted(report.totals.files, "file"),
        size(report.totals.bytes),
        beside_files(report.totals)
    );
    let others: Vec<String> = [
        (counts.entries_removed, "removed since then"),
        (counts.excluded, "excluded"),
        (counts.vanished, "disappeared during the backup"),
    ]
    .iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", count(*number)))
    .collect();
    if !others.is_empty() {
        let _ = writeln!(lines, "  others  {}", others.join(", "));
    }
    if done.dry_run {
        let files = text::counted(counts.files_read, "file");
        let _ = writeln!(lines, "  data    {files} with {} would be read", size(counts.bytes_read));
        return lines;
    }
    let _ = writeln!(
        lines,
        "  data    {} read, {} deduplicated, {} new, {} compressed",
        size(counts.bytes_read),
        size(done.bytes_deduplicated()),
        size(counts.bytes_new),
        size(counts.bytes_compressed)
    );
    let added = match counts.bytes_stored {
        0 => "no data, because the repository already has all of it".to_owned(),
        bytes => format!("{} to the repository", size(bytes)),
    };
    let _ = writeln!(lines, "  added   {added}");
    let _ = writeln!(
        lines,
        "  time    {} to read everything, {} more until everything was stored",
        text::duration(report.duration_read),
        text::duration(report.duration.saturating_sub(report.duration_read))
    );
    lines
}

/// Returns how many directories, links and other things there are beside the files, if there are any.
fn beside_files(totals: Totals) -> String {
    match totals.entries.saturating_sub(totals.files) {
        0 => String::new(),
        1 => ", and 1 directory, link or special file".to_owned(),
        others => format!(", and {} directories, links and special files", text::count(others)),
    }
}

/// Returns the first line: the new snapshot.
fn title(source: &str, done: &SourceSuccess) -> String {
    let report = &done.report;
    let level = level_name(report.level);
    let against = report.base.map(|base| format!(", compared with {}", base.snapshot_id()));
    let against = against.unwrap_or_default();
    match &report.snapshot {
        Some(snapshot) => {
            format!("{source}: snapshot {}, {level}{against}\n", snapshot.origin.run.snapshot_id())
        }
        None => format!("{source}: dry run, nothing was written; the snapshot would be {level}{against}\n"),
    }
}

fn show_problems(console: &Console, source: &str, done: &SourceSuccess) {
    let problems = &done.report.problems;
    if problems.kept().is_empty() {
        return;
    }
    for problem in problems.kept().iter().take(PROBLEMS_SHOWN_MAX) {
        console.warning(&problem_text(problem));
    }
    let more = problems.total().saturating_sub(PROBLEMS_SHOWN_MAX as u64);
    if more > 0 {
        console.warning(&format!("{} more (--verbose lists all)", text::count(more)));
    }
    let files = text::files_or_directories(problems.total());
    console.warning(&format!("{source}: the snapshot is partial: {files} could not be read completely"));
}

#[cfg(test)]
mod tests;
