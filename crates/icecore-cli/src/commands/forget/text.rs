//! The text of `forget`.

use icecore_operations::{
    forget::{ForgetAction, ForgetReport, ForgottenSnapshot, Why, reasons},
    text,
};
use icecore_policy::retention::{GroupKey, KeepReason, RetentionFate, ShareRefusal};
use jiff::tz::TimeZone;

use crate::surface::table::{Align, Table};

/// Returns the table of the snapshots: all of them in a dry run, else those that are not simply kept by a
/// rule.
pub(super) fn table(report: &ForgetReport, zone: &TimeZone) -> String {
    let is_shown = |one: &&ForgottenSnapshot| {
        report.is_dry_run || is_guarded(one) || !matches!(one.action, ForgetAction::Kept)
    };
    let shown: Vec<&ForgottenSnapshot> = report.snapshots.iter().filter(is_shown).collect();
    if shown.is_empty() {
        return String::new();
    }
    let columns = ["", "id", "time", "host", "source", "why"].map(|title| (title, Align::Left));
    let mut table = Table::new(&columns);
    for one in shown {
        let origin = &one.snapshot.origin;
        let action = match one.action {
            ForgetAction::Kept => "keep",
            ForgetAction::Forgotten => "forget",
            ForgetAction::Refused => "refused",
            ForgetAction::Failed(_) => "failed",
        };
        table.row(vec![
            action.to_owned(),
            origin.run.snapshot_id(),
            text::local_time(origin.started, zone),
            printable(&origin.host),
            printable(&origin.source),
            why(one),
        ]);
    }
    table.text()
}

/// Returns whether only the guard keeps a snapshot.
fn is_guarded(one: &ForgottenSnapshot) -> bool {
    let Why::Rules(RetentionFate::Keep(reasons)) = &one.why else { return false };
    reasons.iter().any(|reason| matches!(reason, KeepReason::Guard(_)))
}

fn why(one: &ForgottenSnapshot) -> String {
    match &one.why {
        Why::Named => "named".to_owned(),
        Why::Rules(fate) => {
            let reasons: Vec<String> = reasons(fate).into_iter().map(|reason| reason.message).collect();
            reasons.join("; ")
        }
    }
}

/// Returns how many snapshots went.
pub(super) fn summary(report: &ForgetReport) -> String {
    if report.snapshots.is_empty() {
        return "there are no such snapshots\n".to_owned();
    }
    let forgotten = report.forgotten();
    // By name, nobody has looked at the others.
    let is_by_name = report.snapshots.iter().all(|one| one.why == Why::Named);
    let kept = |word: &str| {
        if is_by_name { String::new() } else { format!("{word} {}", text::count(report.kept() as u64)) }
    };
    let counted = text::counted(forgotten as u64, "snapshot");
    let guarded = match report.snapshots.iter().filter(|one| is_guarded(one)).count() {
        0 => String::new(),
        number => format!(" (the guard keeps {}; --yes switches it off)", text::count(number as u64)),
    };
    match (report.is_dry_run, forgotten) {
        (true, _) => format!("would forget {counted}{}{guarded}\n", kept(" and keep")),
        (false, 0) => format!("nothing to forget{}{guarded}\n", kept("; kept")),
        (false, _) => format!(
            "forgot {counted}{}{guarded}; `icecore forget --undo ID` brings one back until its data is removed\n",
            kept(", kept")
        ),
    }
}

/// Returns why the guard refuses the plan of a group.
pub(super) fn refusal(key: &GroupKey, share: ShareRefusal) -> String {
    let of = [("source", &key.source), ("host", &key.host)]
        .into_iter()
        .filter_map(|(title, name)| Some(format!(" of {title} {}", printable(name.as_ref()?))));
    let of: String = of.collect();
    let since = if share.is_first { "" } else { " that were kept last time" };
    format!(
        "the rules would forget {} of {}{since}{of}; none of them was forgotten",
        text::count(share.forgotten as u64),
        text::counted(share.of as u64, "snapshot"),
    )
}

fn printable(text: &str) -> String {
    text::printable(text.as_bytes()).into_owned()
}
