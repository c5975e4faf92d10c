//! The newest snapshot of each source that can be restored completely, in words.

use std::fmt::Write;

use icecore_operations::{
    check::{Checked, NewestWhole},
    text::{self, shell_word},
};
use jiff::tz::TimeZone;

/// Maximum number of sources that are shown.
const SOURCES_SHOWN_MAX: usize = 50;

/// Describes them after a check that found something, and if one is not simply the newest snapshot of its
/// source.
pub(super) fn describe(text: &mut String, zone: &TimeZone, checked: &Checked) {
    let newest = checked.newest_whole();
    let is_newest =
        |one: &NewestWhole<'_>| one.snapshot.is_some() && one.newer_damaged + one.newer_missing == 0;
    if newest.is_empty() || checked.is_well() && newest.iter().all(is_newest) {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "newest snapshot of each source that can be restored in full:");
    for one in newest.iter().take(SOURCES_SHOWN_MAX) {
        let found = one.snapshot.map_or_else(
            || "none".to_owned(),
            |snapshot| {
                let origin = &snapshot.origin;
                format!("{} of {}", origin.run.snapshot_id(), text::local_time(origin.started, zone))
            },
        );
        let line = format!("{} (host {}): {found}{}", one.source, one.host, newer(one));
        let _ = writeln!(text, "  {}", text::printable_message(&line));
    }
    if newest.len() > SOURCES_SHOWN_MAX {
        let _ = writeln!(text, "  {} more (--json lists all)", newest.len() - SOURCES_SHOWN_MAX);
    }
    if newest.iter().any(|one| one.snapshot.is_some()) {
        let repository = shell_word(checked.repository.as_bytes()).into_owned();
        let command = format!("icecore restore ID --target DIRECTORY -r {repository}");
        let _ = writeln!(text, "  to restore one: {}", text::printable_message(&command));
    }
}

/// Describes how many newer snapshots exist or existed.
fn newer(one: &NewestWhole<'_>) -> String {
    let count = |number: u64, what: &str| {
        let snapshots = if one.snapshot.is_some() { "newer snapshot" } else { "snapshot" };
        (number > 0).then(|| format!("{} {what}", text::counted(number, snapshots)))
    };
    let parts = [count(one.newer_damaged, "damaged"), count(one.newer_missing, "missing")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests;
