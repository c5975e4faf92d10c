//! Why a snapshot is kept or goes, in words and as JSON.

use icecore_format::ids::RunId;
use icecore_policy::retention::{
    ForgetReason, GuardReason, KeepReason, Period, PeriodStanding, RetentionFate, UnusualChange,
};
use serde::Serialize;

use crate::text;

/// One reason for the fate of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonDocument {
    kind: &'static str,
    rule: Option<String>,
    period: Option<String>,
    snapshot: Option<String>,
    /// The reason in words.
    pub message: String,
}

/// Returns the reasons for the fate that the rules gave a snapshot.
pub fn reasons(fate: &RetentionFate) -> Vec<ReasonDocument> {
    match fate {
        RetentionFate::Keep(reasons) => reasons.iter().map(of_kept).collect(),
        RetentionFate::Forget(reasons) => reasons.iter().map(of_forgotten).collect(),
    }
}

fn reason(kind: &'static str, message: impl Into<String>) -> ReasonDocument {
    ReasonDocument { kind, rule: None, period: None, snapshot: None, message: message.into() }
}

fn of_kept(kept: &KeepReason) -> ReasonDocument {
    match kept {
        KeepReason::Rule { rule, period, standing } => {
            let message = match (period, standing) {
                (_, PeriodStanding::Oldest) => format!("{rule}: the oldest one"),
                (Period::Snapshot, PeriodStanding::Newest) => rule.to_string(),
                (Period::Snapshot, PeriodStanding::NewestWhole) => format!("{rule}: the newest whole one"),
                (period, PeriodStanding::Newest) => format!("{rule}: the newest of {period}"),
                (period, PeriodStanding::NewestWhole) => format!("{rule}: the newest whole one of {period}"),
            };
            let period = Some(period.to_string());
            ReasonDocument { rule: Some(rule.to_string()), period, ..reason("rule", message) }
        }
        KeepReason::Tag(tag) => {
            let rule = format!("keep-tag {tag}");
            ReasonDocument { rule: Some(rule.clone()), ..reason("tag", printable(&rule)) }
        }
        KeepReason::Hold(hold) => reason("hold", format!("held: {}", printable(&hold.reason))),
        KeepReason::DoubtfulTime => reason("doubtful-time", "its time is wrong or in the future"),
        KeepReason::Guard(guard) => of_guard(guard),
    }
}

fn of_guard(guard: &GuardReason) -> ReasonDocument {
    match guard {
        GuardReason::LastOfSource => {
            reason("guard-last", "guard: no other whole snapshot of its source would remain")
        }
        GuardReason::BeforeChange { change, changed } => {
            let changed = snapshot_id(changed);
            let message =
                format!("guard: the last one before an unusual change in {changed} ({})", of_change(*change));
            ReasonDocument { snapshot: Some(changed), ..reason("guard-before-change", message) }
        }
        GuardReason::Changed(change) => {
            reason("guard-changed", format!("guard: an unusual change ({})", of_change(*change)))
        }
    }
}

fn of_change(change: UnusualChange) -> String {
    match change {
        UnusualChange::FilesDropped { from, to } => {
            format!("{} instead of {}", text::counted(to, "file"), text::count(from))
        }
        UnusualChange::BytesAdded { added, usual_max, total } => format!(
            "{} of {} are new, at most {} before",
            text::size(added),
            text::size(total),
            text::size(usual_max)
        ),
    }
}

fn of_forgotten(forgotten: &ForgetReason) -> ReasonDocument {
    match forgotten {
        ForgetReason::PeriodKept { rule, period, by } => {
            let by = snapshot_id(by);
            ReasonDocument {
                rule: Some(rule.to_string()),
                period: Some(period.to_string()),
                snapshot: Some(by.clone()),
                ..reason("period-kept", format!("{rule}: {by} is kept for {period}"))
            }
        }
        ForgetReason::BeyondCount { rule, period } => ReasonDocument {
            rule: Some(rule.to_string()),
            period: Some(period.to_string()),
            ..reason("beyond-count", format!("{rule}: enough newer ones"))
        },
        ForgetReason::OutsideWindow { rule, .. } => ReasonDocument {
            rule: Some(rule.to_string()),
            ..reason("outside-window", format!("{rule}: too old"))
        },
        ForgetReason::TagMissing(tag) => {
            let rule = format!("keep-tag {tag}");
            let message = format!("{}: it has no such tag", printable(&rule));
            ReasonDocument { rule: Some(rule), ..reason("tag-missing", message) }
        }
    }
}

/// Returns the id that users see of a snapshot whose run has this name.
fn snapshot_id(run: &str) -> String {
    RunId::from_hex(run).map_or_else(|_| run.to_owned(), |run| run.snapshot_id())
}

fn printable(text: &str) -> String {
    text::printable(text.as_bytes()).into_owned()
}
