//! Runs `note`.

use icecore_operations::{note, text};

use super::arguments::NoteArguments;
use crate::{
    commands::changed,
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &NoteArguments) -> Outcome<ExitStatus> {
    let changed = note::run(&context.access, &context.witness()?, &arguments.request()?)?;
    let said = match changed.snapshot.completion().map_or("", |completion| &completion.note) {
        "" => "no note".to_owned(),
        note => format!("note: {}", text::printable(note.as_bytes())),
    };
    changed::show(context, &changed, &said)
}
