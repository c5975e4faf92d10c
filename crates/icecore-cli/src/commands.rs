//! The commands: each turns its arguments into a request to an operation, and the result into text or JSON.

use std::sync::Arc;

use clap::Subcommand;

use crate::{
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    process::limits::Weight,
    surface::console::Console,
};

pub(crate) mod backup;
pub(crate) mod cat;
mod changed;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod forget;
pub(crate) mod hold;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod ls;
pub(crate) mod note;
pub(crate) mod prune;
pub(crate) mod restore;
pub(crate) mod shell;
pub(crate) mod snapshots;
pub(crate) mod stats;
pub(crate) mod tag;

/// Generates the enumeration of the commands with everything about each command, from one row for each: name
/// and options, amount of data, and functions that run it. Those in `alone` need neither configuration nor
/// repository.
macro_rules! commands {
    (
        with_repository { $($name:ident($arguments:ty), $weight:ident, $run:path;)* }
        alone { $($alone:ident($alone_arguments:ty), $alone_run:path;)* }
    ) => {
        /// The commands with their own options. The doc comments of the options describe each command.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($name($arguments),)*
            $($alone($alone_arguments),)*
        }

        impl Command {
            /// Returns how much data the command processes.
            pub(crate) fn weight(&self) -> Weight {
                match self {
                    $(Self::$name(_) => Weight::$weight,)*
                    $(Self::$alone(_) => Weight::Light,)*
                }
            }

            /// Runs a command that needs neither configuration nor repository, if it is one; `whole`
            /// describes the command line.
            pub(crate) fn run_alone(
                &self,
                console: &Arc<Console>,
                whole: &mut clap::Command,
            ) -> Option<Outcome<ExitStatus>> {
                match self {
                    $(Self::$alone(arguments) => Some($alone_run(console, arguments, whole)),)*
                    _ => None,
                }
            }

            /// Runs any other command.
            pub(crate) fn run(&self, context: &Context) -> Outcome<ExitStatus> {
                match self {
                    $(Self::$name(arguments) => $run(context, arguments),)*
                    $(Self::$alone(_) => Ok(ExitStatus::Done),)*
                }
            }
        }
    };
}

commands! {
    with_repository {
        Init(init::arguments::InitArguments), Light, init::run;
        Backup(Box<backup::arguments::BackupArguments>), Heavy, backup::run;
        Snapshots(snapshots::arguments::SnapshotsArguments), Light, snapshots::run;
        Ls(ls::arguments::LsArguments), Light, ls::run;
        Cat(cat::arguments::CatArguments), Heavy, cat::run;
        Diff(diff::arguments::DiffArguments), Heavy, diff::run;
        Restore(restore::arguments::RestoreArguments), Heavy, restore::run;
        Check(check::arguments::CheckArguments), Heavy, check::run;
        Copy(Box<copy::arguments::CopyArguments>), Heavy, copy::run;
        Tag(tag::arguments::TagArguments), Light, tag::run;
        Note(note::arguments::NoteArguments), Light, note::run;
        Hold(hold::arguments::HoldArguments), Light, hold::hold;
        Release(hold::arguments::ReleaseArguments), Light, hold::release;
        Forget(Box<forget::arguments::ForgetArguments>), Heavy, forget::run;
        Prune(prune::arguments::PruneArguments), Heavy, prune::run;
        Stats(stats::arguments::StatsArguments), Heavy, stats::run;
        Doctor(doctor::arguments::DoctorArguments), Light, doctor::run;
        Key(key::arguments::KeyArguments), Light, key::run;
    }
    alone {
        Completions(shell::arguments::CompletionsArguments), shell::completions;
        Man(shell::arguments::ManArguments), shell::man;
    }
}
