//! Times that contradict the order in which snapshots were made, or the store's clock.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use icecore_format::{
    ids::{RepositoryId, RunId},
    snapshot::Snapshot,
};

use super::SnapshotList;

/// Differences between clocks up to this one are not reported.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(2);

const TOLERANCE: i128 = CLOCK_TOLERANCE.as_nanos().cast_signed();

/// How the clock behind a snapshot's time was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// It was ahead: the time is later than that of a later snapshot, or later than the store received the
    /// object.
    Ahead,
    /// It was behind: the time is earlier than that of an earlier snapshot.
    Behind,
}

/// A snapshot, reduced to its times.
#[derive(Clone, Copy, Debug)]
struct Timed {
    run: RunId,
    started: i128,
    /// How far the time is from the one at which the store received the object.
    distance: i128,
}

impl SnapshotList {
    /// Returns the complete snapshots whose times contradict the order in which they were made, or the
    /// store's clock.
    ///
    /// If times contradict each other, as few as possible count as wrong.
    pub fn doubtful_times(&self) -> HashMap<RunId, ClockError> {
        let mut doubtful = HashMap::new();
        // Each host has a clock, and copies have the numbers of the original repository.
        let mut lines: BTreeMap<(&str, &str, Option<RepositoryId>), Vec<Timed>> = BTreeMap::new();
        for snapshot in self.complete(None) {
            let origin = &snapshot.origin;
            let timed = self.timed(snapshot);
            let is_late = self.written.contains_key(&timed.run) && timed.distance > TOLERANCE;
            if is_late {
                doubtful.insert(timed.run, ClockError::Ahead);
                continue;
            }
            let repository = origin.copy_of.map(|original| original.repository);
            lines.entry((&origin.source, &origin.host, repository)).or_default().push(timed);
        }
        for line in lines.into_values() {
            contradictions(&line, &mut doubtful);
        }
        doubtful
    }

    fn timed(&self, snapshot: &Snapshot) -> Timed {
        let (run, started) = (snapshot.origin.run, snapshot.origin.started.as_nanoseconds());
        let written = self.written.get(&run).map_or(started, |written| written.as_nanoseconds());
        Timed { run, started, distance: started - written }
    }
}

/// Finds the times that do not fit into the rising times of the line.
fn contradictions(line: &[Timed], doubtful: &mut HashMap<RunId, ClockError>) {
    let mut latest = i128::MIN / 2;
    let rises = |timed: &Timed| {
        latest = latest.max(timed.started);
        timed.started + TOLERANCE >= latest
    };
    if line.iter().all(rises) {
        return;
    }
    let kept = longest_rise(line);
    let mut before = None;
    for (index, timed) in line.iter().enumerate() {
        if kept[index] {
            before = Some(timed.started);
            continue;
        }
        let is_behind = before.is_some_and(|before| timed.started < before);
        doubtful.insert(timed.run, if is_behind { ClockError::Behind } else { ClockError::Ahead });
    }
}

/// Best rise that ends at a time: its length, then how little its times differ from the store's, then the
/// position of its last element, where earlier is better.
type Rise = (usize, Reverse<i128>, Reverse<usize>);

/// Returns for each element whether it belongs to the longest rise. If several are equally long, the one with
/// times closest to the store's wins.
fn longest_rise(line: &[Timed]) -> Vec<bool> {
    let mut times: Vec<i128> = line.iter().map(|timed| timed.started).collect();
    times.sort_unstable();
    times.dedup();
    // A Fenwick tree of maxima over the times: each rise is found in logarithmic time.
    let mut tree: Vec<Option<Rise>> = vec![None; times.len() + 1];
    let mut previous: Vec<Option<usize>> = vec![None; line.len()];
    let mut best: Option<Rise> = None;
    for (index, timed) in line.iter().enumerate() {
        let mut at = times.partition_point(|time| *time <= timed.started + TOLERANCE);
        let mut before: Option<Rise> = None;
        while at > 0 {
            before = before.max(tree[at]);
            at &= at - 1;
        }
        let (length, Reverse(distance)) =
            before.map_or((0, Reverse(0)), |(length, distance, _)| (length, distance));
        let rise = (length + 1, Reverse(distance + timed.distance.abs()), Reverse(index));
        previous[index] = before.map(|(_, _, Reverse(index))| index);
        // Among equals, the one that ends with the newest snapshot: its clock is today's.
        if best.is_none_or(|(length, distance, _)| (length, distance) <= (rise.0, rise.1)) {
            best = Some(rise);
        }
        let mut at = times.partition_point(|time| *time < timed.started) + 1;
        while at < tree.len() {
            tree[at] = tree[at].max(Some(rise));
            at += at & at.wrapping_neg();
        }
    }
    let mut kept = vec![false; line.len()];
    let mut last = best.map(|(_, _, Reverse(index))| index);
    while let Some(index) = last {
        kept[index] = true;
        last = previous[index];
    }
    kept
}

#[cfg(test)]
mod tests;
