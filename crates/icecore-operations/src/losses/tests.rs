use super::LossDocument;
use icecore_fixtures::documented::assert_documented;

#[test]
fn a_loss_has_the_documented_fields() {
    let loss = LossDocument::new("older-than-seen", "it is gone".to_owned());
    assert_documented(&loss);
    let document = serde_json::to_value(loss).unwrap();
    assert_eq!(
        (&document["snapshot"], &document["message"]),
        (&serde_json::Value::Null, &"it is gone".into())
    );
}
