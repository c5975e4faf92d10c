//! Losses, in words.

use std::fmt::Write;

use icecore_check::CheckReport;
use icecore_operations::{check::Past, text};
use icecore_witness::Arrival;
use jiff::tz::TimeZone;

use crate::{failure::advice::operations::ACCEPT, surface::reporter::witness::other_location};

/// Maximum number of losses that are shown.
const LOSSES_SHOWN_MAX: usize = 50;

/// Describes losses, and accepted losses.
pub(super) fn describe(text: &mut String, past: &Past) {
    let word = if past.is_well() { "accepted" } else { "damage" };
    for loss in past.losses.iter().take(LOSSES_SHOWN_MAX) {
        let _ = writeln!(text, "{word}: {}: {}", loss.kind, text::printable_message(&loss.message));
    }
    if past.losses.len() > LOSSES_SHOWN_MAX {
        let more = text::count((past.losses.len() - LOSSES_SHOWN_MAX) as u64);
        let _ = writeln!(text, "{word}: {more} more (--json lists all)");
    }
    if past.accepted.is_some() && past.losses.is_empty() {
        let _ = writeln!(text, "no snapshot or record is missing: nothing to accept");
    }
}

/// Describes how much is in the log.
pub(super) fn describe_log(text: &mut String, past: &Past, zone: &TimeZone, report: &CheckReport) {
    if report.snapshots_unnamed > 0 {
        let (is, them) = if report.snapshots_unnamed == 1 { ("is", "it") } else { ("are", "them") };
        let snapshots = text::counted(report.snapshots_unnamed, "snapshot");
        // If records are gone, the log may have named them before.
        let log = if past.is_well() { "in the log yet" } else { "in the remaining log" };
        let _ = writeln!(text, "{snapshots} {is} not {log}; the next backup adds {them}");
    }
    let _ = match (&past.arrival, past.period) {
        (Some(Arrival { elsewhere, is_whole: true }), _) => writeln!(
            text,
            "first use at this location: nothing is missing that this host saw at {}",
            other_location(elsewhere.as_deref())
        ),
        (Some(Arrival { elsewhere, is_whole: false }), _) => writeln!(
            text,
            "first use at this location: this copy is older than the state that this host saw at {}",
            other_location(elsewhere.as_deref())
        ),
        (None, None) => writeln!(text, "first use on this host: an earlier rollback cannot be detected"),
        (None, Some((since, _))) if past.losses.is_empty() => {
            let since = text::local_time(since, zone);
            writeln!(
                text,
                "nothing is missing since this host first used the repository on {since}; an earlier rollback cannot be \
                 detected"
            )
        }
        (None, Some(_)) => Ok(()),
    };
}

/// Describes what to do about losses.
pub(super) fn advise(text: &mut String, past: &Past) {
    if past.is_well() {
        return;
    }
    let _ = write!(
        text,
        "what to do about missing snapshots and records:\n\
         - if nobody restored an older copy of the repository, somebody deleted from it: change nothing, and look for the \
         missing objects among the object versions of the bucket, or in a copy\n\
         - {ACCEPT}\n"
    );
}
