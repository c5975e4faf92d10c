//! The text of `prune`.

use std::{fmt::Write, time::Duration};

use icecore_operations::{prune::Pruned, text};
use icecore_prune::{PrunePlan, RecordPlan, RecordStep, WaitedRun, WhyKept};
use icecore_repo::environment::time_of;
use jiff::tz::TimeZone;

/// Returns what a removal of packs did, or would do.
pub(crate) fn report(pruned: &Pruned, zone: &TimeZone) -> String {
    let mut lines = Vec::new();
    if pruned.dry_run {
        lines.extend(plan_lines(&pruned.plan, Duration::ZERO, zone));
        if lines.is_empty() && pruned.doubts.is_empty() {
            lines.push("nothing to remove".to_owned());
        }
    } else {
        let waiting: Vec<String> =
            pruned.plan.records.iter().filter_map(|record| waiting(record, zone)).collect();
        lines.extend(done_lines(pruned, waiting.is_empty()));
        lines.extend(waiting);
        lines.extend(pruned.plan.waited.iter().map(|run| waited(run, zone)));
    }
    let (packs, bytes) = pruned.plan.needed;
    if pruned.doubts.is_empty() {
        lines.push(format!("needed by snapshots: {}", packs_of(packs, bytes)));
    }
    lines.iter().fold(String::new(), |mut text, line| {
        // Writing into a string cannot fail.
        _ = writeln!(text, "{line}");
        text
    })
}

/// Returns what was done. What was marked is also in the lines about what collections wait for, if there are
/// any.
fn done_lines(pruned: &Pruned, says_what_is_marked: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let swept = &pruned.swept;
    if pruned.runs_fenced > 0 {
        lines.push(format!(
            "ended {} without a sign of life",
            text::counted(pruned.runs_fenced as u64, "run")
        ));
    }
    let repacked = &pruned.repacked;
    if !repacked.packs.is_empty() {
        lines.push(format!(
            "repacked {}: wrote {}",
            packs_of(repacked.packs.len(), repacked.bytes_read),
            packs_of(repacked.packs_written, repacked.bytes_written)
        ));
    }
    if swept.packs > 0 || swept.snapshots > 0 {
        let snapshots = text::counted(swept.snapshots as u64, "forgotten snapshot");
        // The bytes include those of snapshots, and of packs that could only be removed in part.
        let packs = text::counted(swept.packs as u64, "pack");
        lines.push(format!("removed {packs} and {snapshots} ({})", text::size(swept.bytes)));
    }
    if pruned.packs_condemned > swept.packs && says_what_is_marked && swept.failed.is_empty() {
        lines.push(format!(
            "marked for removal: {}",
            packs_of(pruned.packs_condemned, pruned.bytes_condemned)
        ));
    }
    if lines.is_empty() && says_what_is_marked && pruned.doubts.is_empty() && swept.failed.is_empty() {
        lines.push("nothing to remove".to_owned());
    }
    lines
}

/// Returns what a plan says, before it is carried out; `grace` is zero if it is not mentioned.
pub(super) fn plan_lines(plan: &PrunePlan, grace: Duration, zone: &TimeZone) -> Vec<String> {
    let mut lines = Vec::new();
    for record in &plan.records {
        if record.step == RecordStep::Sweep {
            lines.push(format!("to remove now: {}", packs_of(record.packs, record.bytes)));
        }
        lines.extend(waiting(record, zone));
        if !record.spared.is_empty() {
            let spared = text::counted(record.spared.len() as u64, "marked pack");
            lines.push(format!("{spared} needed again: no longer marked for removal"));
        }
    }
    if let Some(repack) = plan.repack.as_ref().filter(|repack| !repack.is_empty()) {
        let packs = packs_of(repack.packs.len() + repack.superfluous.len(), repack.bytes);
        lines.push(format!("to repack: {packs}, of which {} are needed", text::size(repack.bytes_needed)));
    }
    if let Some(later) = plan.repack.as_ref().map(|repack| repack.packs_later).filter(|later| *later > 0) {
        lines.push(format!("left for the next prune: repacking {}", text::counted(later as u64, "pack")));
    }
    if let Some(new) = &plan.condemned
        && (!new.packs.is_empty() || !new.deleted.is_empty())
    {
        let snapshots = text::counted(new.deleted.len() as u64, "forgotten snapshot");
        let when = if grace.is_zero() {
            String::new()
        } else {
            format!("; a prune after {} removes them", duration(grace))
        };
        lines.push(format!(
            "to mark for removal: {}, {snapshots}{when}",
            packs_of(new.packs.len(), new.bytes)
        ));
    }
    if !plan.fenced.is_empty() {
        let runs = text::counted(plan.fenced.len() as u64, "run");
        lines.push(format!("to end: {runs} without a sign of life"));
    }
    lines.extend(plan.kept.iter().map(|kept| {
        let why = match kept.why {
            WhyKept::RunPending => "of runs in progress",
            WhyKept::Resumable => "of interrupted runs, which the next backup continues",
            WhyKept::DirectoryMissing => "without a directory, which `icecore check --repair` writes again",
            WhyKept::TooMany => "left for the next prune",
        };
        format!("kept: {} {why}", packs_of(kept.packs, kept.bytes))
    }));
    lines
}

/// Returns what a collection waits for, if it does.
fn waiting(record: &RecordPlan, zone: &TimeZone) -> Option<String> {
    let packs = packs_of(record.packs, record.bytes);
    match &record.step {
        RecordStep::Wait { runs } => {
            let runs = text::counted(runs.len() as u64, "run");
            Some(format!("marked for removal: {packs}; waits for {runs} in progress"))
        }
        RecordStep::Grace { until } if record.packs > 0 => {
            let until = text::local_time(time_of(*until), zone);
            Some(format!("marked for removal: {packs}; a prune after {until} removes them"))
        }
        _ => None,
    }
}

/// Describes a run that is waited for, and what to do if its process is gone.
fn waited(run: &WaitedRun, zone: &TimeZone) -> String {
    let [started, alive] = [run.started, time_of(run.alive)].map(|time| text::local_time(time, zone));
    let (source, host) = (text::printable(run.source.as_bytes()), text::printable(run.host.as_bytes()));
    format!(
        "waits for {source} on {host}, since {started}, last sign of life {alive}; if its process has ended: icecore \
         prune --end-run {}",
        run.run
    )
}

fn packs_of(packs: usize, bytes: u64) -> String {
    format!("{} ({})", text::counted(packs as u64, "pack"), text::size(bytes))
}

fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 86_400 == 0 => text::counted(seconds / 86_400, "day"),
        seconds if seconds % 3600 == 0 => text::counted(seconds / 3600, "hour"),
        seconds => text::counted(seconds, "second"),
    }
}
