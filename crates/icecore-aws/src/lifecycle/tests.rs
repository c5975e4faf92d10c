use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, LifecycleExpiration, LifecycleRuleFilter, Tag, Transition,
    TransitionStorageClass,
};

use super::*;

fn rule(prefix: &str) -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
    LifecycleRule::builder()
        .id("rule")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
}

fn cold(class: TransitionStorageClass) -> Transition {
    Transition::builder().days(30).storage_class(class).build()
}

fn harmful(rule: LifecycleRule) -> usize {
    judge(&[rule], |key| format!("backup/{key}")).harmful.len()
}

#[test]
fn only_data_may_become_cold() {
    let moved =
        |prefix: &str| rule(prefix).transitions(cold(TransitionStorageClass::Glacier)).build().unwrap();
    for prefix in ["", "b", "backup", "backup/", "backup/meta/", "backup/meta/snapshots/", "backup/icecore"] {
        assert_eq!(harmful(moved(prefix)), 1, "{prefix}");
    }
    for prefix in ["backup/data/", "other/", "backup2/"] {
        assert_eq!(harmful(moved(prefix)), 0, "{prefix}");
    }
}

#[test]
fn warm_classes_other_tags_and_disabled_rules_do_no_harm() {
    assert_eq!(harmful(rule("").transitions(cold(TransitionStorageClass::StandardIa)).build().unwrap()), 0);
    let tagged =
        LifecycleRuleFilter::builder().tag(Tag::builder().key("tier").value("cold").build().unwrap());
    let deep = cold(TransitionStorageClass::DeepArchive);
    assert_eq!(harmful(rule("").filter(tagged.build()).transitions(deep.clone()).build().unwrap()), 0);
    assert_eq!(harmful(rule("").status(ExpirationStatus::Disabled).transitions(deep).build().unwrap()), 0);
}

#[test]
fn nothing_may_be_deleted() {
    let days = LifecycleExpiration::builder().days(365).build();
    for prefix in ["", "backup/data/", "backup/meta/"] {
        assert_eq!(harmful(rule(prefix).expiration(days.clone()).build().unwrap()), 1, "{prefix}");
    }
    assert_eq!(harmful(rule("logs/").expiration(days).build().unwrap()), 0);
    let markers = LifecycleExpiration::builder().expired_object_delete_marker(true).build();
    assert_eq!(harmful(rule("").expiration(markers).build().unwrap()), 0);
}

#[test]
fn rules_that_take_unfinished_uploads_away_are_seen() {
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
    let rules = [rule("").abort_incomplete_multipart_upload(abort).build().unwrap()];
    let report = judge(&rules, str::to_owned);
    assert!(report.has_abort_rule);
    assert!(report.harmful.is_empty());
}
