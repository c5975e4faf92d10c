//! Progress of long work: a bar on a terminal, lines of text or JSON on request.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use icecore_policy::ProgressMode;
use icecore_store::environment::Clock;
use serde::Serialize;
use serde_json::Value;

use crate::surface::console::{Console, Verbosity};
use icecore_operations::{documents::PathText, text};

const BAR_EVERY: Duration = Duration::from_millis(100);
const JSON_EVERY: Duration = Duration::from_secs(1);
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Characters of a bar.
const BAR_WIDTH: usize = 24;

/// Progress of some work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Phase of the work.
    pub(crate) phase: &'static str,
    /// Name of the counted objects, in the singular.
    pub(crate) noun: &'static str,
    /// Number of finished objects.
    pub(crate) objects: u64,
    /// Number of all objects, if known (or expected).
    pub(crate) objects_total: Option<u64>,
    /// Finished bytes.
    pub(crate) bytes: u64,
    /// All bytes, if known (or expected).
    pub(crate) bytes_total: Option<u64>,
    /// Uploaded bytes, if the work uploads.
    pub(crate) bytes_stored: Option<u64>,
    /// Last finished path.
    pub(crate) path: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A bar on a terminal.
    Bar,
    /// Lines of text.
    Plain,
    /// Lines of JSON.
    Json,
    /// Nothing.
    None,
}

impl Form {
    /// Returns how progress is shown.
    pub(crate) fn of(mode: ProgressMode, verbosity: Verbosity) -> Self {
        match mode {
            ProgressMode::Plain => Self::Plain,
            ProgressMode::Json => Self::Json,
            ProgressMode::Auto if io::stderr().is_terminal() && verbosity > Verbosity::Quiet => Self::Bar,
            ProgressMode::Auto | ProgressMode::None => Self::None,
        }
    }
}

/// Shows progress; it may be updated as often as necessary.
#[derive(Debug)]
pub(crate) struct Progress {
    console: Arc<Console>,
    clock: Arc<dyn Clock>,
    form: Form,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    started: Duration,
    shown: Option<Duration>,
    phase: &'static str,
}

#[derive(Serialize)]
struct ProgressDocument<'a> {
    progress: ProgressBody<'a>,
}

#[derive(Serialize)]
struct ProgressBody<'a> {
    phase: &'a str,
    unit: &'a str,
    done: u64,
    total: Option<u64>,
    bytes: u64,
    bytes_total: Option<u64>,
    bytes_stored: Option<u64>,
    seconds: f64,
    bytes_per_second: u64,
    seconds_left: Option<u64>,
    #[serde(flatten)]
    path: PathText,
}

impl Progress {
    /// Begins to show progress on standard error.
    pub(crate) fn start(console: Arc<Console>, clock: Arc<dyn Clock>, mode: ProgressMode) -> Self {
        let form = Form::of(mode, console.verbosity);
        if form == Form::Bar {
            console.begin_bar();
        }
        let state = Mutex::new(State { started: clock.monotonic(), shown: None, phase: "" });
        Self { console, clock, form, state }
    }

    /// Updates the progress; asks for the figures only if it is time to show them.
    pub(crate) fn update(&self, counters: impl FnOnce() -> Counters) {
        let every = match self.form {
            Form::None => return,
            Form::Bar => BAR_EVERY,
            Form::Json => JSON_EVERY,
            Form::Plain => PLAIN_EVERY,
        };
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if state.shown.is_some_and(|shown| now.saturating_sub(shown) < every) {
            return;
        }
        let counters = counters();
        if state.phase != counters.phase {
            // Rates are those of a phase.
            (state.phase, state.started) = (counters.phase, now);
        }
        state.shown = Some(now);
        let elapsed = now.saturating_sub(state.started);
        drop(state);
        self.show(&counters, elapsed);
    }

    /// Writes an event as a JSON line, if progress is shown as JSON.
    pub(crate) fn event<T: Serialize>(&self, document: impl FnOnce() -> T) {
        if self.form == Form::Json
            && let Ok(mut line) = serde_json::to_vec(&document())
        {
            line.push(b'\n');
            self.console.write_error(&line);
        }
    }

    fn show(&self, counters: &Counters, elapsed: Duration) {
        match self.form {
            Form::None => {}
            Form::Bar => self.console.set_bar_message(line(counters, elapsed, true)),
            Form::Plain => self.console.error_line(&line(counters, elapsed, false)),
            Form::Json => {
                let document = ProgressDocument { progress: body(counters, elapsed) };
                if let Ok(mut line) = serde_json::to_vec(&document) {
                    line.push(b'\n');
                    self.console.write_error(&line);
                }
            }
        }
    }

    /// Writes a document as a separate line, if progress is shown as JSON: for facts that do not fit into a
    /// summary. Returns whether it was written.
    pub(crate) fn line(&self, document: impl FnOnce() -> Value) -> bool {
        let is_json = self.form == Form::Json;
        if is_json {
            self.console.write_error(format!("{}\n", document()).as_bytes());
        }
        is_json
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.form == Form::Bar {
            self.console.end_bar();
        }
    }
}

fn rate(counters: &Counters, elapsed: Duration) -> u64 {
    let seconds = elapsed.as_secs_f64();
    #[expect(clippy::cast_sign_loss, reason = "neither bytes nor seconds are negative")]
    let rate = if seconds > 0.0 { (counters.bytes as f64 / seconds) as u64 } else { 0 };
    rate
}

/// Returns the estimated remaining seconds; none in the first seconds, when there is no basis for it.
fn seconds_left(counters: &Counters, elapsed: Duration) -> Option<u64> {
    let left = counters.bytes_total?.checked_sub(counters.bytes)?;
    let rate = rate(counters, elapsed);
    (rate > 0 && elapsed >= Duration::from_secs(2)).then(|| left.div_ceil(rate))
}

fn body(counters: &Counters, elapsed: Duration) -> ProgressBody<'_> {
    ProgressBody {
        phase: counters.phase,
        unit: counters.noun,
        done: counters.objects,
        total: counters.objects_total,
        bytes: counters.bytes,
        bytes_total: counters.bytes_total,
        bytes_stored: counters.bytes_stored,
        seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        bytes_per_second: rate(counters, elapsed),
        seconds_left: seconds_left(counters, elapsed),
        path: PathText::new(&counters.path),
    }
}

/// Returns the progress in one line.
fn line(counters: &Counters, elapsed: Duration, with_bar: bool) -> String {
    let mut parts = Vec::new();
    if let Some(share) = share(counters) {
        let percent = format!("{:3.0} %", share * 100.0);
        parts.push(if with_bar { format!("{} {percent}", bar(share)) } else { percent });
    }
    parts.push(match counters.objects_total {
        Some(total) if total >= counters.objects => {
            format!("{} of {}", text::count(counters.objects), text::counted(total, counters.noun))
        }
        _ => text::counted(counters.objects, counters.noun),
    });
    parts.push(match counters.bytes_total {
        Some(total) if total >= counters.bytes => {
            format!("{} of {}", text::size(counters.bytes), text::size(total))
        }
        _ => text::size(counters.bytes),
    });
    if let Some(stored) = counters.bytes_stored {
        parts.push(format!("{} stored", text::size(stored)));
    }
    parts.push(format!("{}/s", text::size(rate(counters, elapsed))));
    if let Some(seconds) = seconds_left(counters, elapsed) {
        parts.push(format!("{} left", text::duration(Duration::from_secs(seconds))));
    }
    let path = text::printable(&counters.path);
    parts.push(if path.is_empty() { counters.phase.to_owned() } else { path.into_owned() });
    parts.join("  ")
}

fn share(counters: &Counters) -> Option<f64> {
    let (done, total) = match (counters.bytes_total, counters.objects_total) {
        (Some(total), _) if total > 0 => (counters.bytes, total),
        (_, Some(total)) if total > 0 => (counters.objects, total),
        _ => return None,
    };
    // More than expected: there is no percentage.
    (done <= total).then(|| done as f64 / total as f64)
}

fn bar(share: f64) -> String {
    #[expect(clippy::cast_sign_loss, reason = "the share is not negative")]
    let filled = ((share * BAR_WIDTH as f64) as usize).min(BAR_WIDTH);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(BAR_WIDTH - filled))
}

#[cfg(test)]
mod tests;
