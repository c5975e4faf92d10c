//! The whole command line: the options of all commands, and one command.

use clap::Parser;

use crate::{arguments::global::GlobalArguments, commands::Command};

pub(crate) mod help;

const AFTER_HELP: &str = "\
References to snapshots: [SOURCE@]SNAPSHOT[:PATH]
  SNAPSHOT is an id or its first characters, `latest`, `latest~N`, a date or a time
  (the newest snapshot at or before it, in the local time zone). SOURCE is optional
  if only one source matches. PATH is relative to the root of the source.
  home@latest:alice/report.txt   etc@2026-11-01   'etc@2026-11-01 18:30'   3f9a2c

Exit codes:
  0 done   1 failed   2 wrong usage   3 done, but some files or attributes are missing
  10 no repository   12 wrong key or password   20 damage, or snapshots disappeared
  75 thaw, then run again   130 interrupted

Examples:
  icecore backup --init --repository /srv/backup /etc
  icecore snapshots -r /srv/backup
  icecore restore latest --target /tmp/etc -r /srv/backup
  icecore backup --help                                     each command has a help of its own";

/// File-level backups: deduplicated, compressed, encrypted
#[derive(Debug, Parser)]
#[command(name = "icecore", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, infer_long_args = false)]
pub(crate) struct Arguments {
    /// Options of all commands.
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests;
