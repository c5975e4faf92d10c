//! The cache directory stays within its limit.

use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};

use crate::harness::{Sandbox, text};

/// Makes files and their directory two days older.
fn age(directory: &Path) {
    let time = fs::metadata(directory).unwrap().modified().unwrap() - Duration::from_hours(48);
    for entry in fs::read_dir(directory).unwrap() {
        File::open(entry.unwrap().path()).unwrap().set_modified(time).unwrap();
    }
    File::open(directory).unwrap().set_modified(time).unwrap();
}

#[test]
fn catalogues_that_are_not_used_any_more_are_removed_and_made_again() {
    let mut sandbox = Sandbox::with_repository();
    fs::create_dir_all(sandbox.path("home/config/icecore")).unwrap();
    fs::write(sandbox.path("home/config/icecore/icecore.toml"), "cache-size = 1\n").unwrap();
    sandbox.write("file", text(1, 10_000));
    sandbox.backup(&[]);
    let first = sandbox.repository().to_owned();
    let caches = sandbox.cache().join("icecore");
    let [cache] = fs::read_dir(&caches)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    sandbox.use_repository(sandbox.path("second"));
    sandbox.run(&["init"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
    assert!(cache.join("catalogue.sqlite").exists(), "it was used today");
    age(&cache);
    sandbox.run(&["backup", "source"]).expect(0).says("removed 1 catalogue (");
    assert!(!cache.join("catalogue.sqlite").exists());
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.use_repository(first);
    sandbox.run(&["restore", "latest", "--target", "target", "--verify"]).expect(0);
    assert!(cache.join("catalogue.sqlite").exists());
}
