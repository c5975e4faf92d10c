use icecore_format::{keys::Secret, slot::Credential};
use zeroize::Zeroizing;

use super::{ChangedDocument, MovedDocument, MovedFile, SlotDocument, new_key::is_same};
use icecore_fixtures::documented::assert_documented;

#[test]
fn the_documents_have_the_documented_fields() {
    assert_documented(&ChangedDocument {
        added: None,
        key_file: None,
        removed: Vec::new(),
        moved: Vec::new(),
    });
    let moved = MovedFile { path: "a.key".into(), kept: "a.key.old".into(), holds_new_key: true };
    assert_documented(&MovedDocument::from(&moved));
    assert_documented(&SlotDocument {
        id: String::new(),
        kind: None,
        kms_key: None,
        label: None,
        created: None,
        memory_kib: None,
        passes: None,
        lanes: None,
        in_use: false,
        damage: None,
    });
}

#[test]
fn the_same_key_twice_is_noticed() {
    let password = |text: &str| Credential::Password(Zeroizing::new(text.as_bytes().to_vec()));
    let key = |byte| Credential::KeyFile(Secret::new([byte; 32]));
    assert!(is_same(&password("a"), &password("a")) && is_same(&key(1), &key(1)));
    assert!(!is_same(&password("a"), &password("b")) && !is_same(&key(1), &key(2)));
    assert!(!is_same(&password("a"), &key(1)));
}
