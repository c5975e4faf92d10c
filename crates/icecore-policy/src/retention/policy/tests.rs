use super::*;
use crate::retention::PeriodUnit;

fn daily(count: &str) -> RetentionRule {
    RetentionRule::newest(PeriodUnit::Day, count.parse().unwrap())
}

fn tag(text: &str) -> RetentionRule {
    RetentionRule::Tag(text.parse().unwrap())
}

#[test]
fn policies_that_keep_nothing_are_refused() {
    assert_eq!(RetentionPolicy::new(Vec::new(), None), Err(RetentionError::KeepsNothing));
}

#[test]
fn contradictions_are_refused() {
    let (first, second) = (daily("7"), daily("8"));
    let error = RetentionPolicy::new(vec![first.clone(), tag("a"), second.clone()], None).unwrap_err();
    assert_eq!(error.to_string(), "the rules `keep-daily 7` and `keep-daily 8` contradict each other");
    assert_eq!(error, RetentionError::RuleTwice { first, second });
    let within = RetentionRule::within(PeriodUnit::Day, "7d".parse().unwrap());
    assert!(RetentionPolicy::new(vec![daily("7"), within, tag("a"), tag("a=b")], None).is_ok());
}

#[test]
fn a_scheme_allows_no_other_rules_than_tags() {
    let scheme = Scheme::GrandfatherFatherSon;
    let error = RetentionPolicy::new(vec![tag("a"), daily("7")], Some(scheme)).unwrap_err();
    assert_eq!(error, RetentionError::SchemeAndRule { scheme, rule: daily("7") });
    let policy = RetentionPolicy::new(vec![tag("a")], Some(scheme)).unwrap();
    assert_eq!(policy.rules().len(), scheme.rules().len() + 1);
}
