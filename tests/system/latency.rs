//! Sources that answer late, as network file systems do: many requests run at the same time, and the data is
//! correct.
//!
//! `cargo bench -p icecore-benches --bench latency` measures the gain in speed; no test depends on speed.

mod slow_file_system;

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use self::slow_file_system::{Question, SlowMount};
use crate::harness::{Sandbox, assert_same, bytes, is_root, read, skip};

/// Duration of a request: long enough that the requests in flight do not depend on how busy the machine is.
const DELAY: Duration = Duration::from_millis(5);
/// Requests that must be in flight at some moment, for each kind with many requests.
const IN_FLIGHT_MIN: usize = 16;

/// Fills the source with many small files and a few of every other kind.
fn fill(sandbox: &Sandbox) {
    for number in 0..1000_u64 {
        // Short enough that batches of files must be closed by their number; otherwise, a few readers get all
        // of them.
        let length = number as usize % 300 * 10;
        sandbox.write(&format!("directory {}/{number}", number % 40), bytes(number, length));
    }
    sandbox.write("large", bytes(1, 5 << 20));
    sandbox.write("empty", "");
    symlink("large", sandbox.source("link")).unwrap();
    fs::hard_link(sandbox.source("large"), sandbox.source("second name")).unwrap();
}

/// Mounts the slow view of the sandbox's source; reports why if that is impossible.
fn mount(sandbox: &Sandbox) -> Option<SlowMount> {
    if !is_root() {
        skip("only root may mount a FUSE file system without helpers");
        return None;
    }
    if !Path::new("/dev/fuse").exists() {
        skip("there is no /dev/fuse");
        return None;
    }
    fs::create_dir(sandbox.path("slow")).unwrap();
    match SlowMount::new(&sandbox.source(""), &sandbox.path("slow"), DELAY) {
        Ok(mount) => Some(mount),
        Err(error) => {
            skip(&format!("a FUSE file system cannot be mounted here: {error}"));
            None
        }
    }
}

#[track_caller]
fn assert_many_in_flight(mount: &SlowMount, question: Question) {
    let (count, in_flight) = mount.requests(question);
    assert!(in_flight >= IN_FLIGHT_MIN, "at most {in_flight} of {count} requests ({question:?}) at a time");
}

#[test]
fn a_source_that_answers_late_is_asked_many_things_at_a_time() {
    let sandbox = Sandbox::with_repository();
    fill(&sandbox);
    let Some(mount) = mount(&sandbox) else { return };
    let before = read(&sandbox.source(""));

    let first = sandbox.json(&["backup", "slow"])["sources"][0].clone();
    assert_eq!(first["files_new"], 1003);
    for question in [Question::Metadata, Question::Listing, Question::Object] {
        assert_many_in_flight(&mount, question);
    }

    // No file is read again, and the walk alone keeps as many requests in flight.
    mount.reset();
    let second = sandbox.json(&["backup", "slow"])["sources"][0].clone();
    assert_eq!((&second["files_unchanged"], &second["files_read"]), (&1003.into(), &0.into()));
    assert_eq!(mount.requests(Question::Object).0, 0);
    assert_many_in_flight(&mount, Question::Metadata);
    assert_many_in_flight(&mount, Question::Listing);

    drop(mount);
    sandbox.restore("latest", "restored", &[]);
    assert_same(&before, &read(&sandbox.path("restored")));
    sandbox.check_all_data();
}
