//! Which packs a check has read, in words.

use icecore_check::CheckReport;
use icecore_operations::{check::Reading, text};

/// Describes which packs were read, and which wait for the next checks or for a thaw.
pub(super) fn describe(report: &CheckReport, packs_wanted: Reading) -> String {
    match packs_wanted {
        Reading::Nothing => return "the data was not read (--read-data reads it)".to_owned(),
        Reading::Everything if report.packs_archived == 0 => {
            return "all data was read and verified".to_owned();
        }
        Reading::Everything | Reading::Part { .. } => {}
    }
    let mut line = format!(
        "{} of {} read and verified in full",
        text::count(report.packs_read),
        text::counted(report.packs, "pack")
    );
    if report.packs_left > 0 {
        let more = text::count(report.packs_left);
        line = format!("{line}, {more} more left for later checks");
    }
    if report.packs_archived > 0 {
        let verbs = if report.packs_archived == 1 { "is archived and was" } else { "are archived and were" };
        let (packs, bytes) =
            (text::counted(report.packs_archived, "pack"), text::size(report.bytes_archived));
        line = format!("{line}; {packs} with {bytes} {verbs} not read");
    }
    line
}
