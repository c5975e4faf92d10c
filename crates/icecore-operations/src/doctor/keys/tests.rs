use icecore_format::slot::KmsDataKey;

use super::*;
use crate::doctor::facts::Fact;

fn kms(region: &str) -> SlotKind {
    let key_arn = format!("arn:aws:kms:{region}:111122223333:key/a");
    SlotKind::Kms(KmsDataKey { wrapped: vec![1], key_arn, region: region.to_owned() })
}

/// Returns whether the only way in is a key in the region of the bucket.
fn is_bucket_region(finding: &Finding) -> bool {
    match &finding.fact {
        Fact::Repository(RepositoryFact::OnlyKms { is_bucket_region, .. }) => *is_bucket_region,
        fact => panic!("{fact:?}"),
    }
}

#[test]
fn a_key_of_kms_as_the_only_way_in_is_warned_of() {
    let own = judge(&[kms("eu-west-1")], Some("eu-west-1"));
    assert_eq!(own.state, State::Warning);
    assert!(is_bucket_region(&own));
    let others = [kms("eu-west-1"), kms("eu-central-1")];
    for (kinds, region) in
        [(&others[..], Some("eu-west-1")), (&others[1..], Some("eu-west-1")), (&others[1..], None)]
    {
        let elsewhere = judge(kinds, region);
        assert_eq!(elsewhere.state, State::Warning);
        assert!(!is_bucket_region(&elsewhere));
    }
}

#[test]
fn another_way_in_is_enough() {
    assert_eq!(judge(&[kms("eu-west-1"), SlotKind::KeyFile], Some("eu-west-1")).state, State::Good);
    assert_eq!(judge(&[SlotKind::KeyFile], None).state, State::Good);
    assert_eq!(judge(&[], None).state, State::Bad);
}
