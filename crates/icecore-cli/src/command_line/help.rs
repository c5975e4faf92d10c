//! Arranges the help of the commands: what a command is for, how it is called and examples come first, then
//! details and its own options. The options of all commands come last, by name only.

use clap::{
    Command,
    builder::{Resettable, StyledStr},
};

const TEMPLATE: &str = "{about}\n\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}";
/// Where the examples begin in the text that a command has behind its options; they end with it.
const EXAMPLES: &str = "Example";

/// The options of all commands, as the help of each command lists them.
const GLOBAL_OPTIONS: &str = "\
Global options (explained in `icecore --help`):
  location  -r, --repository <URL>  --endpoint-url <URL>  --region <REGION>
            --ca-file <FILE>
  key       --key-file <FILE>  --password-file <FILE>
            --password-command <COMMAND>
  network   --limit-upload <RATE>  --limit-download <RATE>
            --wait-for-network[=<DURATION>]
  settings  --config <FILE>  --cache-dir <DIR>
  output    --json  --progress <MODE>  -q, --quiet  -v, --verbose...";

/// Arranges the help of the whole command line.
pub(crate) fn arrange(mut whole: Command) -> Command {
    // Gives the options of all commands to each command.
    whole.build();
    arrange_one(whole, "").mut_subcommands(arrange_command)
}

fn arrange_command(command: Command) -> Command {
    // It only repeats the other commands.
    if command.get_name() == "help" {
        return command;
    }
    let command = command.mut_args(|argument| {
        let is_global = argument.is_global_set();
        argument.hide(is_global)
    });
    arrange_one(command, GLOBAL_OPTIONS).mut_subcommands(arrange_command)
}

fn arrange_one(command: Command, global_options: &str) -> Command {
    let text = |text: Option<&StyledStr>| text.map(ToString::to_string).unwrap_or_default();
    let about = text(command.get_about());
    let long_about = text(command.get_long_about());
    let details = long_about.strip_prefix(&about).unwrap_or(&long_about).trim().to_owned();
    let behind = text(command.get_after_help());
    let (notes, examples) = behind.split_at(behind.find(EXAMPLES).unwrap_or(behind.len()));
    let (notes, examples) = (notes.trim().to_owned(), examples.trim().to_owned());
    command
        .help_template(TEMPLATE)
        .long_about(None::<&str>)
        .before_help(joined(&[&examples]))
        .before_long_help(joined(&[&examples, &details]))
        .after_help(joined(&[global_options]))
        .after_long_help(joined(&[&notes, global_options]))
}

/// Joins paragraphs; leaves out those without text.
fn joined(paragraphs: &[&str]) -> Resettable<StyledStr> {
    let paragraphs: Vec<&str> = paragraphs.iter().copied().filter(|text| !text.is_empty()).collect();
    (!paragraphs.is_empty()).then(|| StyledStr::from(paragraphs.join("\n\n"))).into()
}

#[cfg(test)]
mod tests;
