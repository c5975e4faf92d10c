//! The snapshots of a repository as the rules of retention look at them.

use std::collections::HashMap;

use icecore_format::{
    entry::Time,
    ids::RunId,
    snapshot::{Completion, DedupScope, Level, Snapshot, SnapshotState},
};
use icecore_policy::retention::{RetentionHold, RetentionItem};
use icecore_repo::snapshots::{ClockError, SnapshotList};
use icecore_witness::Watch;
use jiff::Timestamp;

/// Host and name of a source.
type Line<'a> = (&'a str, &'a str);

/// Returns all complete snapshots; the id of each is the full name of its run.
pub(super) fn items(list: &SnapshotList, watch: &Watch) -> Vec<RetentionItem> {
    let doubtful = list.doubtful_times();
    let reviews = reviews(list, watch);
    let item = |snapshot: &Snapshot| {
        let completion = snapshot.completion()?;
        Some(of_snapshot(snapshot, completion, &doubtful, &reviews, watch))
    };
    list.complete(None).filter_map(item).collect()
}

fn of_snapshot(
    snapshot: &Snapshot,
    completion: &Completion,
    doubtful: &HashMap<RunId, ClockError>,
    reviews: &HashMap<Line<'_>, Time>,
    watch: &Watch,
) -> RetentionItem {
    let origin = &snapshot.origin;
    let time = timestamp(origin.started);
    let is_reviewed = reviews
        .get(&(origin.host.as_str(), origin.source.as_str()))
        .is_some_and(|review| completion.finished < *review);
    // Everything is new in a first snapshot, in a full that uses no other group, and in a copy.
    let says_change = origin.base.is_some()
        && origin.copy_of.is_none()
        && !(origin.level == Level::Full && origin.dedup == DedupScope::Group);
    RetentionItem {
        is_time_doubtful: time.is_none() || doubtful.contains_key(&origin.run),
        sequence: origin.place().0,
        tags: origin.tags.clone(),
        is_partial: completion.errors > 0 || completion.damage.is_some(),
        is_reviewed,
        entries: completion.totals.entries,
        files: completion.totals.files,
        bytes: completion.totals.bytes,
        added_bytes: says_change.then_some(completion.statistics.bytes_new),
        hold: hold(origin.run, completion, watch),
        ..RetentionItem::new(
            origin.run.to_string(),
            time.unwrap_or(Timestamp::UNIX_EPOCH),
            &origin.host,
            &origin.source,
        )
    }
}

fn timestamp(time: Time) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanoseconds.cast_signed()).ok()
}

/// Returns the hold on a snapshot that lasts longest: that of its object, or that of the log.
fn hold(run: RunId, completion: &Completion, watch: &Watch) -> Option<RetentionHold> {
    let own = completion.hold.as_ref().map(|hold| (hold.until_seconds, &hold.reason));
    let logged = watch.held(run).map(|hold| (hold.until_seconds, &hold.reason));
    let (until, reason) =
        [own, logged].into_iter().flatten().max_by_key(|(until, _)| until.unwrap_or(i64::MAX))?;
    // An end beyond the calendar never comes, or came before it.
    let until = match until {
        Some(seconds) if seconds < 0 => Some(Timestamp::UNIX_EPOCH),
        until => until.and_then(|seconds| Timestamp::from_second(seconds).ok()),
    };
    Some(RetentionHold { until, reason: reason.clone() })
}

/// Returns when a snapshot of each source was last forgotten: snapshots that existed then have been judged.
///
/// A snapshot that was forgotten by name counts, too. That makes nobody forget more: the guard asks what the
/// same rules would have kept of the snapshots that existed then.
fn reviews<'a>(list: &'a SnapshotList, watch: &'a Watch) -> HashMap<Line<'a>, Time> {
    let mut reviews: HashMap<Line<'a>, Time> = HashMap::new();
    let mut note = |line, time: Time| {
        let last = reviews.entry(line).or_insert(time);
        *last = time.max(*last);
    };
    for snapshot in &list.snapshots {
        let origin = &snapshot.origin;
        if let (SnapshotState::Deleted(_), Some(written)) = (&snapshot.state, list.written.get(&origin.run)) {
            note((&origin.host, &origin.source), *written);
        }
    }
    let history = watch.findings().history;
    for deleted in history.deleted() {
        for named in history.completed(deleted.run) {
            note((&named.host, &named.source), deleted.time);
        }
    }
    reviews
}
