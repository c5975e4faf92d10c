//! Runs `hold` and `release`.

use icecore_format::{entry::Time, snapshot::Hold};
use icecore_operations::{hold as operation, text};
use jiff::tz::TimeZone;

use super::arguments::{HoldArguments, ReleaseArguments};
use crate::{
    commands::changed,
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
};

/// Runs `hold`.
pub(crate) fn hold(context: &Context, arguments: &HoldArguments) -> Outcome<ExitStatus> {
    let changed = operation::hold(&context.access, &context.witness()?, &arguments.request()?)?;
    let hold = changed.snapshot.completion().and_then(|completion| completion.hold.as_ref());
    let said = hold.map_or_else(String::new, |hold| hold_text(hold, &context.access.machine.zone));
    changed::show(context, &changed, &said)
}

/// Runs `release`.
pub(crate) fn release(context: &Context, arguments: &ReleaseArguments) -> Outcome<ExitStatus> {
    let changed = operation::release(&context.access, &context.witness()?, &arguments.request()?)?;
    changed::show(context, &changed, "not held")
}

/// Returns how long a snapshot is held, and why.
pub(crate) fn hold_text(hold: &Hold, zone: &TimeZone) -> String {
    let until = hold.until_seconds.map_or_else(
        || "it is released".to_owned(),
        |seconds| text::local_time(Time { seconds, nanoseconds: 0 }, zone),
    );
    format!("held until {until}: {}", text::printable(hold.reason.as_bytes()))
}
