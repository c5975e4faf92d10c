use super::assert_documented;

#[test]
#[should_panic(expected = "does not name undocumented")]
fn a_field_that_is_not_documented_is_found() {
    assert_documented(&serde_json::json!([{ "path": "a", "undocumented": 1 }]));
}
