//! Runs `tag`.

use icecore_operations::{tag, text};

use super::arguments::TagArguments;
use crate::{
    commands::changed,
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &TagArguments) -> Outcome<ExitStatus> {
    let changed = tag::run(&context.access, &context.witness()?, &arguments.request()?)?;
    let tags: Vec<String> =
        changed.snapshot.origin.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let said = match tags.as_slice() {
        [] => "no tags".to_owned(),
        tags => text::printable(tags.join("  ").as_bytes()).into_owned(),
    };
    changed::show(context, &changed, &said)
}
