use icecore_store::{
    environment::ManualClock,
    waits::{CallNumber, Waits},
};

use super::*;
use crate::surface::console::Verbosity;

const NOTHING_YET: Duration = Duration::ZERO;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wait(key: &str, since: u64) -> Wait {
    Wait {
        operation: "get",
        key: key.to_owned(),
        endpoint: "https://host:9000".to_owned(),
        since: seconds(since),
        moved: seconds(since),
        attempt: 1,
        state: WaitState::Attempting,
        gives_up: seconds(900),
        last_error: None,
    }
}

#[test]
fn silence_begins_when_the_last_byte_moved_or_the_last_call_ended() {
    let mut silence = Silence::default();
    assert_eq!(silence.look(seconds(1), &[], NOTHING_YET), None);
    let (first, second) = (wait("a", 2), wait("b", 3));
    let both = [first.clone(), second.clone()];
    assert_eq!(silence.look(seconds(5), &both, NOTHING_YET), Some(seconds(2)));
    assert_eq!(silence.look(seconds(6), &both, seconds(6)), Some(seconds(6)));
    // Another attempt is not progress.
    let again = [Wait { attempt: 2, moved: seconds(8), ..first }, second.clone()];
    assert_eq!(silence.look(seconds(9), &again, seconds(6)), Some(seconds(6)));
    assert_eq!(silence.look(seconds(10), &[second], seconds(6)), Some(seconds(10)));
    assert_eq!(silence.look(seconds(11), &[], seconds(6)), None);
    assert_eq!(silence.look(seconds(40), &[wait("c", 39)], seconds(6)), Some(seconds(39)));
}

/// Returns the seconds of the reports about a call that never ends, and whether its end is reported.
fn said(form: Form, until: u64) -> (Vec<u64>, bool) {
    let clock = Arc::new(ManualClock::default());
    let waits = Arc::new(WaitList::default());
    let console = Arc::new(Console::new(false, Verbosity::Quiet));
    let mode = ProgressMode::None;
    let mut watcher = Watcher::new(console, Arc::clone(&clock) as _, TimeZone::UTC, Arc::clone(&waits), mode);
    watcher.form = form;
    waits.changed(CallNumber(1), &wait("a", 0));
    let mut times = Vec::new();
    for now in 1..=until {
        clock.advance(seconds(1));
        let before = watcher.said;
        watcher.look();
        if watcher.said != before {
            times.push(now);
        }
    }
    waits.ended(CallNumber(1));
    clock.advance(seconds(1));
    watcher.look();
    (times, watcher.said.is_none())
}

#[test]
fn a_wait_is_told_after_ten_seconds_and_in_logs_after_a_minute() {
    assert_eq!(said(Form::Plain, 75), (vec![10, 40, 70], true));
    assert_eq!(said(Form::Json, 39), (vec![10], true));
    assert_eq!(said(Form::Bar, 12), (vec![10, 11, 12], true));
    assert_eq!(said(Form::None, 700), (vec![60, 660], true));
    assert_eq!(said(Form::Plain, 9), (vec![], true));
}

fn shown(wait: &Wait) -> Shown<'_> {
    let now_system = SystemTime::UNIX_EPOCH + seconds(1_700_000_000);
    Shown { wait, calls: 3, silent_since: seconds(20), now: seconds(32), now_system }
}

#[test]
fn a_line_says_for_what_since_when_and_until_when() {
    let failed = Wait {
        attempt: 4,
        state: WaitState::Pausing { until: seconds(40) },
        last_error: Some(
            "get meta/a failed temporarily: cannot reach https://host:9000: the connection was refused"
                .to_owned(),
        ),
        ..wait("meta/a", 20)
    };
    assert_eq!(
        shown(&failed).line(&TimeZone::UTC),
        "waiting for https://host:9000 since 22:13:08 (12 s): get meta/a and 2 other requests, attempt 4, next attempt at \
         22:13:28; gives up at 22:27:48; last error: cannot reach https://host:9000: the connection was refused"
    );
    assert_eq!(
        shown(&failed).short_line(&TimeZone::UTC),
        "waiting 12 s for https://host:9000, attempt 4, until 22:27:48: cannot reach https://host:9000: the connection was refused"
    );
    let silent = wait("meta/a", 20);
    let line = shown(&silent).line(&TimeZone::UTC);
    assert!(line.ends_with("attempt 1, no answer yet; gives up at 22:27:48"), "{line}");
}

#[test]
fn json_has_the_documented_fields() {
    let pausing = Wait { state: WaitState::Pausing { until: seconds(40) }, ..wait("meta/a", 20) };
    let value = serde_json::to_value(WaitingLine::Waiting(shown(&pausing).document())).unwrap();
    assert_eq!(value["waiting"]["since"], "2023-11-14T22:13:08Z");
    assert_eq!(value["waiting"]["next_attempt"], "2023-11-14T22:13:28Z");
    assert_eq!(value["waiting"]["seconds"], 12.0);
    icecore_fixtures::documented::assert_documented(&value);
    icecore_fixtures::documented::assert_documented(&WaitingLine::Waited { seconds: 1.0 });
}

#[test]
fn the_call_that_fails_stands_for_all() {
    let failing = Wait { attempt: 3, ..wait("b", 5) };
    let waits = [wait("a", 1), failing.clone(), Wait { attempt: 3, ..wait("c", 6) }];
    assert_eq!(typical(&waits), Some(&failing));
    assert_eq!(typical(&[]), None);
}
