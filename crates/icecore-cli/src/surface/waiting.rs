//! Reports what a command waits for when nothing moves.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use icecore_policy::ProgressMode;
use icecore_repo::environment::time_of;
use icecore_store::{
    environment::{Clock, Environment},
    waits::{Wait, WaitList, WaitState},
};
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::runtime::Handle;

use icecore_operations::text;

use crate::surface::{console::Console, progress::Form};

/// How often to check whether anything moves.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When to report that nothing moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rhythm {
    /// Time before the first report.
    first: Duration,
    /// Time between further reports.
    every: Duration,
}

impl Rhythm {
    fn of(form: Form) -> Self {
        let (first, every) = match form {
            Form::Bar => (10, 1),
            Form::Plain | Form::Json => (10, 30),
            // In the log of a job that nobody watches.
            Form::None => (60, 600),
        };
        Self { first: Duration::from_secs(first), every: Duration::from_secs(every) }
    }
}

/// Finds out since when nothing has moved: no byte, and no end of a call.
#[derive(Debug, Default)]
struct Silence {
    under_way: BTreeSet<(Duration, &'static str, String)>,
    moved: Duration,
}

impl Silence {
    /// Returns since when nothing has moved, if any call is in progress.
    fn look(&mut self, now: Duration, waits: &[Wait], last_moved: Duration) -> Option<Duration> {
        let calls: BTreeSet<_> =
            waits.iter().map(|wait| (wait.since, wait.operation, wait.key.clone())).collect();
        if calls.is_empty() || !self.under_way.is_subset(&calls) {
            self.moved = now;
        }
        self.under_way = calls;
        let began = waits.iter().map(|wait| wait.since).min()?;
        self.moved = self.moved.max(last_moved).max(began);
        Some(self.moved)
    }
}

/// Reports what the stores of a command wait for.
#[derive(Debug)]
pub(crate) struct Watcher {
    console: Arc<Console>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    waits: Arc<WaitList>,
    form: Form,
    silence: Silence,
    /// Since when nothing has moved, and when this was last reported.
    said: Option<(Duration, Duration)>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WaitingLine<'a> {
    Waiting(WaitingDocument<'a>),
    Waited { seconds: f64 },
}

#[derive(Serialize)]
struct WaitingDocument<'a> {
    endpoint: &'a str,
    operation: &'a str,
    key: &'a str,
    calls: usize,
    since: Option<String>,
    seconds: f64,
    attempt: u32,
    state: &'static str,
    next_attempt: Option<String>,
    gives_up: Option<String>,
    last_error: Option<&'a str>,
}

/// A call that represents all waiting ones, and the times for converting monotonic times into clock times.
struct Shown<'a> {
    wait: &'a Wait,
    calls: usize,
    silent_since: Duration,
    now: Duration,
    now_system: SystemTime,
}

impl Watcher {
    /// Makes the watcher of a command.
    pub(crate) fn new(
        console: Arc<Console>,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        waits: Arc<WaitList>,
        mode: ProgressMode,
    ) -> Self {
        let form = Form::of(mode, console.verbosity);
        Self { console, clock, zone, waits, form, silence: Silence::default(), said: None }
    }

    /// Checks regularly until the runtime ends.
    pub(crate) fn start(mut self, runtime: &Handle, environment: &Environment) {
        let sleep = Arc::clone(&environment.sleep);
        runtime.spawn(async move {
            loop {
                sleep.sleep(LOOK_EVERY).await;
                self.look();
            }
        });
    }

    /// Checks whether anything moves, and reports if nothing does.
    fn look(&mut self) {
        let (now, waits) = (self.clock.monotonic(), self.waits.under_way());
        let silent_since = self.silence.look(now, &waits, self.waits.last_moved());
        if let Some((since, _)) = self.said
            && silent_since != Some(since)
        {
            self.said = None;
            self.tell_end(now.saturating_sub(since));
        }
        let (Some(silent_since), Some(wait)) = (silent_since, typical(&waits)) else { return };
        let rhythm = Rhythm::of(self.form);
        let due = match self.said {
            Some((_, said)) => said.saturating_add(rhythm.every),
            None => silent_since.saturating_add(rhythm.first),
        };
        if now >= due {
            self.said = Some((silent_since, now));
            let now_system = self.clock.now();
            self.tell(&Shown { wait, calls: waits.len(), silent_since, now, now_system });
        }
    }

    fn tell(&self, shown: &Shown<'_>) {
        match self.form {
            Form::Bar => self.console.set_waiting(Some(shown.short_line(&self.zone))),
            Form::Plain => self.console.error_line(&shown.line(&self.zone)),
            Form::Json => self.console.error_document(&WaitingLine::Waiting(shown.document())),
            Form::None => self.console.warning(&shown.line(&self.zone)),
        }
    }

    fn tell_end(&self, silence: Duration) {
        let text = || format!("no longer waiting, after {}", whole(silence));
        match self.form {
            Form::Bar => self.console.set_waiting(None),
            Form::Plain => self.console.error_line(&text()),
            Form::Json => {
                self.console.error_document(&WaitingLine::Waited { seconds: silence.as_secs_f64() });
            }
            Form::None => self.console.notice(&text()),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.console.set_waiting(None);
    }
}

/// Returns the call with the most attempts; of several, the oldest.
fn typical(waits: &[Wait]) -> Option<&Wait> {
    waits.iter().min_by_key(|wait| (std::cmp::Reverse(wait.attempt), wait.since))
}

impl Shown<'_> {
    /// Returns the clock time of a monotonic one.
    fn clock_time(&self, time: Duration) -> SystemTime {
        let moved = if time >= self.now {
            self.now_system.checked_add(time.saturating_sub(self.now))
        } else {
            self.now_system.checked_sub(self.now.saturating_sub(time))
        };
        moved.unwrap_or(self.now_system)
    }

    /// Returns why the previous attempt failed, without parts that are reported anyway.
    fn last_error(&self) -> Option<&str> {
        let Wait { operation, key, last_error, .. } = self.wait;
        let text = last_error.as_deref()?;
        Some(text.strip_prefix(&format!("{operation} {key} failed temporarily: ")).unwrap_or(text))
    }

    /// Returns the line for a bar, cut at the end of the terminal.
    fn short_line(&self, zone: &TimeZone) -> String {
        let Wait { endpoint, attempt, gives_up, .. } = self.wait;
        let silence = whole(self.now.saturating_sub(self.silent_since));
        let until = text::clock_time(time_of(self.clock_time(*gives_up)), zone);
        let error = self.last_error().map(|error| format!(": {error}")).unwrap_or_default();
        format!("waiting {silence} for {endpoint}, attempt {attempt}, until {until}{error}")
    }

    fn line(&self, zone: &TimeZone) -> String {
        let Wait { operation, key, endpoint, attempt, state, gives_up, .. } = self.wait;
        let at = |time| text::clock_time(time_of(self.clock_time(time)), zone);
        let state = match state {
            WaitState::Queued => "queued behind other requests".to_owned(),
            WaitState::Attempting => "no answer yet".to_owned(),
            WaitState::Pausing { until } => format!("next attempt at {}", at(*until)),
        };
        let others = match self.calls {
            0 | 1 => String::new(),
            calls => format!(" and {}", text::counted(calls as u64 - 1, "other request")),
        };
        let error = self.last_error().map(|error| format!("; last error: {error}")).unwrap_or_default();
        format!(
            "waiting for {endpoint} since {} ({}): {operation} {key}{others}, attempt {attempt}, {state}; gives up at {}{error}",
            at(self.silent_since),
            whole(self.now.saturating_sub(self.silent_since)),
            at(*gives_up),
        )
    }

    fn document(&self) -> WaitingDocument<'_> {
        let Wait { operation, key, endpoint, attempt, state, gives_up, .. } = self.wait;
        let at = |time| text::utc_time(time_of(self.clock_time(time)));
        let (state, next_attempt) = match state {
            WaitState::Queued => ("queued", None),
            WaitState::Attempting => ("attempting", None),
            WaitState::Pausing { until } => ("pausing", at(*until)),
        };
        WaitingDocument {
            endpoint,
            operation,
            key,
            calls: self.calls,
            since: at(self.silent_since),
            seconds: self.now.saturating_sub(self.silent_since).as_secs_f64(),
            attempt: *attempt,
            state,
            next_attempt,
            gives_up: at(*gives_up),
            last_error: self.last_error(),
        }
    }
}

/// Returns a duration in whole seconds.
fn whole(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => text::duration(duration),
    }
}

#[cfg(test)]
mod tests;
