//! Options of `completions` and `man`, and their output: both are generated from the description of the
//! command line.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Command, ValueHint, builder::TypedValueParser};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::arguments::values::local_directory;

/// Write a completion script for a shell
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore completions bash > /etc/bash_completion.d/icecore
  icecore completions zsh > ~/.zfunc/_icecore
  icecore completions fish > ~/.config/fish/completions/icecore.fish")]
pub(crate) struct CompletionsArguments {
    /// Shell to write the script for
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArguments {
    /// Returns the script.
    pub(crate) fn script(&self, whole: &mut Command) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, whole, "icecore", &mut script);
        script
    }

    /// Returns the name of the shell.
    pub(crate) fn shell_name(&self) -> String {
        self.shell.to_string()
    }
}

/// Write the manual pages
///
/// Without --directory, the page of `icecore` itself is written to standard output.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore man | man -l -
  icecore man --directory /usr/local/share/man/man1")]
pub(crate) struct ManArguments {
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", value_parser = local_directory().map(PathBuf::from), value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,
}

impl ManArguments {
    /// Returns the page of the program itself.
    pub(crate) fn main_page(whole: &Command) -> io::Result<Vec<u8>> {
        let mut page = Vec::new();
        Man::new(whole.clone()).render(&mut page)?;
        Ok(page)
    }

    /// Writes the pages of all commands.
    pub(crate) fn write_pages(directory: &Path, whole: &Command) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        clap_mangen::generate_to(whole.clone(), directory)
    }
}
