//! A run that is killed during the multipart upload of a pack.

use rustix::process::Signal;
use s3_test_server::{RequestLine, ServerOptions, TestServer};

use super::sandbox_at;
use crate::harness::{assert_same, bytes, read};

/// Bytes a second of the link: a pack takes several seconds.
const LINK: u64 = 8 << 20;

#[test]
fn a_run_that_is_killed_between_parts_leaves_nothing_that_counts() {
    let server =
        TestServer::start(&ServerOptions { link_bytes_per_second: Some(LINK), ..ServerOptions::default() })
            .unwrap();
    let sandbox = sandbox_at(&server.url());
    sandbox.run(&["init"]).expect(0);
    // The first large pack is uploaded whole, and shows that the link is slow; the next command knows this.
    sandbox.write("first", bytes(2, 12_000_000));
    sandbox.run(&["backup", "source"]).expect(0);
    assert!(!server.requests().iter().any(RequestLine::is_part));
    sandbox.write("large", bytes(1, 14_000_000));
    let data =
        |server: &TestServer| server.keys("bucket").iter().filter(|key| key.contains("/data/")).count();
    let before = data(&server);
    server.forget_requests();
    let running = sandbox.start(&["backup", "source"]);
    while !server.requests().iter().any(RequestLine::is_part) {
        std::thread::yield_now();
    }
    running.signal(Signal::KILL);
    assert_eq!(running.wait().code, None);
    assert_eq!(server.open_uploads("bucket"), 1);
    assert_eq!(data(&server), before, "{:?}", server.keys("bucket"));
    assert_eq!(sandbox.snapshots().len(), 1);
    sandbox.run(&["check"]).expect(0);
    sandbox.run(&["backup", "source"]).expect(0);
    sandbox.check_all_data();
    sandbox.restore("latest", "target", &[]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("target")));
    assert_eq!(server.open_uploads("bucket"), 1, "it is taken away when it is a day old");
}
