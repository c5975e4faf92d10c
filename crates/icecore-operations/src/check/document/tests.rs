use icecore_access::Usage;
use icecore_repo::snapshots::SnapshotList;

use super::*;
use icecore_fixtures::documented::assert_documented;

#[test]
fn the_document_has_the_documented_fields() {
    let checked = Checked {
        repository: "/srv/backup".to_owned(),
        report: CheckReport::example(),
        repair: None,
        next: vec![NextCommand::Verify],
        past: Past::default(),
        list: SnapshotList::default(),
        unreadable: Vec::new(),
        usage: Usage::default(),
    };
    let value = serde_json::to_value(CheckDocument::new(&checked)).unwrap();
    assert_eq!(value["healthy"], false);
    assert_eq!(value["problems"][0]["kind"], "pack-missing");
    assert_eq!(value["snapshots"][0]["examples"][0]["path_base64"], "/w==");
    assert_eq!(value["packs_hit"].as_array().unwrap().len(), 1);
    assert_eq!(value["next_commands"][0]["command"], "icecore check --read-data -r /srv/backup");
    assert_documented(&value);
}
