use icecore_fixtures::documented::assert_documented;

use super::*;
use crate::doctor::{
    facts::{BucketFact, CacheFact},
    finding::Check,
};

#[test]
fn the_document_has_the_documented_fields() {
    let findings = vec![
        Finding::new(Check::Region, State::Good, BucketFact::Region("eu-west-1".to_owned())),
        Finding::new(Check::Cache, State::Warning, CacheFact::NoDirectory),
    ];
    let report = DoctorReport { location: "s3://bucket/prefix".to_owned(), findings };
    let explain = |fact: Fact| Explanation { message: format!("{fact:?}"), hint: None };
    let value = serde_json::to_value(DoctorDocument::new(report, explain)).unwrap();
    assert_documented(&value);
    assert_eq!(value["healthy"], true, "a warning is no harm");
    let states = value["findings"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|finding| (&finding["check"], &finding["state"])).collect();
    assert_eq!(states, [(&"region".into(), &"good".into()), (&"cache".into(), &"warning".into())]);
}
