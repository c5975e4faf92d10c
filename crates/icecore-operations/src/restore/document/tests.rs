use icecore_restore::{RestoreNotice, RestoreReport, RestoreRequest};

use super::RestoreDocument;
use icecore_fixtures::{documented::assert_documented, snapshots::snapshot};

fn request() -> RestoreRequest {
    RestoreRequest::new(snapshot("etc", "here", 1, 1_700_000_000, true), "/tmp/x")
}

fn describe(notice: &RestoreNotice) -> String {
    format!("{notice:?}")
}

#[test]
fn the_document_has_the_documented_fields() {
    let value = serde_json::to_value(RestoreDocument::new(
        &request(),
        &RestoreReport::example(),
        true,
        Vec::new(),
        describe,
    ))
    .unwrap();
    assert_eq!(value["problems"][0]["damage"], true);
    assert_eq!(value["warnings"][0]["examples"][0]["reason"], "Operation not permitted");
    assert_eq!(value["forgotten"], true);
    assert_documented(&value);
}
