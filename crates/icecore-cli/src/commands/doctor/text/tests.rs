use icecore_operations::doctor::facts::RepositoryFact;

use super::*;

fn only_kms(regions: &[&str], is_bucket_region: bool) -> Explanation {
    let regions = regions.iter().map(|region| (*region).to_owned()).collect();
    explain(Fact::Repository(RepositoryFact::OnlyKms { regions, is_bucket_region }), &TimeZone::UTC)
}

#[test]
fn a_key_of_kms_as_the_only_way_in_is_warned_of() {
    let own = only_kms(&["eu-west-1"], true);
    assert!(own.message.contains("eu-west-1, the region of the bucket"), "{}", own.message);
    assert!(own.hint.unwrap().contains("icecore key add"));
    let elsewhere = only_kms(&["eu-west-1", "eu-central-1"], false);
    assert!(elsewhere.message.contains("(eu-west-1, eu-central-1)"), "{}", elsewhere.message);
    assert!(!elsewhere.message.contains("region of the bucket"), "{}", elsewhere.message);
}
