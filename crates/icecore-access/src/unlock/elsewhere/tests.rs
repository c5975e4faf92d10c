use std::{ffi::OsStr, fs};

use super::{find, presence};
use crate::directories::users;

#[test]
fn a_former_user_is_found_by_number_and_by_name() {
    let users = users(
        b"root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n1000:x:7:7::/seven:/bin/sh\n",
    );
    let id = |value: &str| find(&users, OsStr::new(value)).map(|user| user.id);
    assert_eq!(
        [id("1000"), id("alice"), id("0"), id("bob"), id("12")],
        [Some(1000), Some(1000), Some(0), None, None]
    );
}

#[test]
fn a_file_is_there_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    assert_eq!(presence(&path), None);
    fs::write(&path, "").unwrap();
    assert_eq!(presence(&path), Some(true));
}
