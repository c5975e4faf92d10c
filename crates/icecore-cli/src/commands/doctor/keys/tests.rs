use icecore_format::slot::KmsDataKey;

use super::*;

fn kms(region: &str) -> SlotKind {
    let key_arn = format!("arn:aws:kms:{region}:111122223333:key/a");
    SlotKind::Kms(KmsDataKey { wrapped: vec![1], key_arn, region: region.to_owned() })
}

#[test]
fn a_key_of_kms_as_the_only_way_in_is_warned_of() {
    let own = judge(&[kms("eu-west-1")], Some("eu-west-1"));
    assert_eq!(own.state, State::Warning);
    assert!(own.message.contains("eu-west-1, the region of the bucket"), "{}", own.message);
    assert!(own.hint.unwrap().contains("icecore key add"));
    let others = [kms("eu-west-1"), kms("eu-central-1")];
    for (kinds, region) in
        [(&others[..], Some("eu-west-1")), (&others[1..], Some("eu-west-1")), (&others[1..], None)]
    {
        let elsewhere = judge(kinds, region);
        assert_eq!(elsewhere.state, State::Warning);
        assert!(!elsewhere.message.contains("region of the bucket"), "{}", elsewhere.message);
    }
}

#[test]
fn another_way_in_is_enough() {
    assert_eq!(judge(&[kms("eu-west-1"), SlotKind::KeyFile], Some("eu-west-1")).state, State::Good);
    assert_eq!(judge(&[SlotKind::KeyFile], None).state, State::Good);
    assert_eq!(judge(&[], None).state, State::Bad);
}
