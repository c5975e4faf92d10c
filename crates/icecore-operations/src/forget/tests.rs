use icecore_access::Usage;
use icecore_fixtures::{documented::assert_documented, snapshots::snapshot};
use icecore_format::ids::RunId;
use icecore_policy::retention::{
    ForgetReason, GroupKey, GuardReason, KeepReason, Period, PeriodStanding, PeriodUnit, RetentionFate,
    RetentionHold, RetentionRule, ShareRefusal, UnusualChange,
};
use icecore_prune::PruneError;

use super::*;

fn daily() -> RetentionRule {
    RetentionRule::newest(PeriodUnit::Day, "7".parse().unwrap())
}

fn messages(fate: &RetentionFate) -> Vec<String> {
    reasons(fate).into_iter().map(|reason| reason.message).collect()
}

#[test]
fn reasons_are_sentences() {
    let (rule, period) = (daily(), Period::Day("2026-11-30".parse().unwrap()));
    let id = RunId::new(1, [2; 10]).to_string();
    let change = UnusualChange::FilesDropped { from: 1000, to: 1 };
    let kept = RetentionFate::Keep(vec![
        KeepReason::Rule { rule: rule.clone(), period, standing: PeriodStanding::Newest },
        KeepReason::Rule { rule: rule.clone(), period, standing: PeriodStanding::Oldest },
        KeepReason::Tag("plan=weekly".parse().unwrap()),
        KeepReason::Hold(RetentionHold { until: None, reason: "audit".to_owned() }),
        KeepReason::Guard(GuardReason::BeforeChange { change, changed: id.clone() }),
    ]);
    assert_eq!(
        messages(&kept),
        [
            "keep-daily 7: the newest of 2026-11-30",
            "keep-daily 7: the oldest one",
            "keep-tag plan=weekly",
            "held: audit",
            "guard: the last one before an unusual change in 02020202020202020202 (1 file instead of 1,000)",
        ]
    );
    let gone = RetentionFate::Forget(vec![
        ForgetReason::PeriodKept { rule: rule.clone(), period, by: id },
        ForgetReason::BeyondCount { rule, period },
        ForgetReason::TagMissing("keep".parse().unwrap()),
    ]);
    assert_eq!(
        messages(&gone),
        [
            "keep-daily 7: 02020202020202020202 is kept for 2026-11-30",
            "keep-daily 7: enough newer ones",
            "keep-tag keep: it has no such tag",
        ]
    );
}

#[test]
fn every_field_is_documented() {
    let one = |action, why| ForgottenSnapshot { snapshot: snapshot("etc", "here", 1, 1, true), why, action };
    let kept = RetentionFate::Keep(vec![KeepReason::DoubtfulTime]);
    let key = GroupKey { host: Some("here".to_owned()), source: None, tags: None };
    let failed = PruneError::NotComplete { run: RunId::new(1, [2; 10]) };
    let report = ForgetReport {
        snapshots: vec![
            one(ForgetAction::Kept, Why::Rules(kept)),
            one(ForgetAction::Forgotten, Why::Named),
            one(ForgetAction::Failed(failed), Why::Named),
        ],
        refused: vec![(key, ShareRefusal { forgotten: 9, of: 10, is_first: true })],
        is_dry_run: false,
        usage: Usage::default(),
    };
    let document = ForgetDocument::new(&report, None);
    assert_documented(&document);
    let value = serde_json::to_value(&document).unwrap();
    assert_eq!((value["forgotten"].as_u64(), value["kept"].as_u64()), (Some(1), Some(2)));
    assert_eq!(value["snapshots"][2]["action"], "failed");
}
