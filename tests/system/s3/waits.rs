//! Servers that do not answer: a signal ends every wait, and commands wait for a network that comes up later.

use std::{net::TcpListener, time::Duration};

use rustix::process::Signal;
use s3_test_server::{Fault, RequestLine, ServerOptions, TestServer};

use super::{Bed, sandbox_at};
use crate::harness::{Running, assert_same, bytes, read};

impl Bed {
    /// Waits until the server has received a request that hangs.
    fn wait_for_request(&self, running: &Running, is_meant: impl Fn(&RequestLine) -> bool) {
        while !self.server.requests().iter().any(&is_meant) {
            if let Some(ended) = running.wait_for(Duration::from_millis(2)) {
                panic!("it ended too early: {}", ended.describe());
            }
        }
    }
}

#[test]
fn a_signal_ends_a_command_whose_server_does_not_answer() {
    let bed = Bed::with_repository();
    for signal in [Signal::TERM, Signal::INT] {
        bed.server.forget_requests();
        bed.inject("GET", "", 1_000, Fault::Hang);
        let running = bed.sandbox.start(&["snapshots"]);
        bed.wait_for_request(&running, |line| line.method == "GET");
        running.signal(signal);
        running.wait().expect(130).says("interrupted");
        bed.server.heal();
    }
}

#[test]
fn a_signal_ends_a_backup_whose_uploads_hang_and_the_next_one_goes_on() {
    let bed = Bed::with_repository();
    bed.sandbox.write("large", bytes(1, 14_000_000));
    bed.sandbox.write("small", bytes(2, 1_000));
    bed.server.forget_requests();
    bed.inject("PUT", "/data/", 1_000, Fault::Hang);
    let running = bed.sandbox.start(&["backup", "source"]);
    bed.wait_for_request(&running, |line| line.method == "PUT" && line.path.contains("/data/"));
    running.signal(Signal::TERM);
    running.wait().expect(130).says("interrupted");
    bed.server.heal();
    assert!(bed.sandbox.snapshots().is_empty());
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.sandbox.check_all_data();
    bed.sandbox.restore("latest", "target", &[]);
    assert_same(&read(&bed.sandbox.source("")), &read(&bed.sandbox.path("target")));
}

#[test]
fn a_network_that_comes_up_later_is_waited_for() {
    // The port of a server that does not exist yet.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let sandbox = sandbox_at(&format!("http://127.0.0.1:{port}"));
    let running = sandbox.start(&["init", "--wait-for-network"]);
    // Without the option, it ends within a second.
    assert!(running.wait_for(Duration::from_secs(2)).is_none());
    let server = TestServer::start(&ServerOptions { port, ..ServerOptions::default() }).unwrap();
    running.wait().expect(0);
    assert!(!server.keys("bucket").is_empty());
}

#[test]
fn a_signal_ends_the_wait_for_the_network() {
    let sandbox = sandbox_at("http://127.0.0.1:1");
    let running = sandbox.start(&["snapshots", "--wait-for-network=1h"]);
    assert!(running.wait_for(Duration::from_secs(2)).is_none());
    running.signal(Signal::TERM);
    running.wait().expect(130);
    sandbox.run(&["snapshots", "--wait-for-network=0"]).expect(1).says("refused");
    sandbox.run(&["snapshots", "--wait-for-network=soon"]).expect(2).says("not a duration");
}
