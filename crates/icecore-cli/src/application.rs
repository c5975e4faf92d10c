//! From the words of the command line to the exit code.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    command_line::{Arguments, help},
    commands::Command,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    process::{self, environment_variables, limits, logging},
    surface::{
        console::{Console, Verbosity},
        requests,
    },
};

/// Runs the command in `words` (the program's name first), and returns how it ended.
pub fn run(words: &[OsString]) -> ExitCode {
    process::prepare();
    let parsed = help::arrange(Arguments::command())
        .try_get_matches_from(words)
        .and_then(|matches| Arguments::from_arg_matches(&matches).map(|arguments| (arguments, matches)));
    let (mut arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return explain(&with_own_usage(error), words),
    };
    arguments.global.ignore_empty_environment(&matches);
    let console = Arc::new(Console::new(arguments.global.json, arguments.global.verbosity()));
    logging::start(&console);
    let result = dispatch(&arguments, &matches, &console);
    let status = result.unwrap_or_else(|failure| {
        console.failure(&failure);
        failure.status
    });
    status.into()
}

fn dispatch(
    arguments: &Arguments,
    matches: &clap::ArgMatches,
    console: &Arc<Console>,
) -> Outcome<ExitStatus> {
    if let Some(result) = arguments.command.run_alone(console, &mut Arguments::command()) {
        return result;
    }
    let credentials = arguments.global.credentials(matches, environment_variables::password());
    let allowance = limits::allow(arguments.command.weight())?;
    let context = Context::new(Arc::clone(console), &arguments.global, matches, credentials, allowance)?;
    let result = arguments.command.run(&context);
    let title = if matches!(arguments.command, Command::Copy(_)) { "S3 (from)" } else { "S3" };
    requests::tell(&context.console, title, &context.access.requests);
    // Whatever else failed because of it, the signal is the reason.
    if context.access.machine.is_cancelled() && result.as_ref().is_err_and(|failure| !failure.output_closed) {
        return Err(Failure::interrupted());
    }
    result
}

/// Shows the usage of the command as its help does: the one of an error lists what the environment gives as
/// if it were missing.
fn with_own_usage(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return error };
    let usage = usage.to_string();
    let mut command = Arguments::command();
    command.build();
    for word in usage.split_whitespace().skip_while(|word| *word != "icecore").skip(1) {
        let Some(found) = command.find_subcommand(word).cloned() else { break };
        command = found;
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    error
}

/// Shows the mistake in the command line, or the requested help or version.
fn explain(error: &clap::Error, words: &[OsString]) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if !is_help && words.iter().any(|word| word == "--json") {
        let message = error.to_string();
        let message = message.strip_prefix("error: ").unwrap_or(&message).trim_end();
        Console::new(true, Verbosity::Normal).failure(&Failure::usage(message));
        return ExitStatus::Usage.into();
    }
    let written = error.print().and_then(|()| io::stdout().flush()).and_then(|()| {
        if process::is_output_closed() { Err(rustix::io::Errno::BADF.into()) } else { Ok(()) }
    });
    if error.use_stderr() {
        // If this could not be written, nobody would see an error either.
        return ExitStatus::Usage.into();
    }
    let Err(error) = written else { return ExitStatus::Done.into() };
    let failure = Failure::output(&error);
    Console::new(false, Verbosity::Normal).failure(&failure);
    failure.status.into()
}
