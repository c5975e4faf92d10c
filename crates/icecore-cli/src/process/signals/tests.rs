use rustix::process::Signal;

use super::ignores;

#[test]
fn ignored_signals_are_known() {
    let status =
        "Name:\ticecore\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000005\nSigCgt:\t0000000000004002\n";
    assert!(ignores(status, Signal::HUP) && ignores(status, Signal::QUIT));
    assert!(!ignores(status, Signal::INT) && !ignores(status, Signal::TERM));
    assert!(!ignores("", Signal::HUP));
}
