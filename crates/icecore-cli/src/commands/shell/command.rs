//! Runs `completions` and `man`.

use clap::Command;
use serde::Serialize;

use crate::{
    commands::shell::arguments::{CompletionsArguments, ManArguments},
    failure::{Failure, Outcome, exit_status::ExitStatus},
    process,
    surface::console::{Console, ResultWriter},
};

#[derive(Serialize)]
struct CompletionsDocument {
    shell: String,
    script: String,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ManDocument {
    Page(String),
    Directory(String),
}

/// Writes a completion script.
pub(crate) fn completions(
    console: &Console,
    arguments: &CompletionsArguments,
    whole: &mut Command,
) -> Outcome<ExitStatus> {
    let script = arguments.script(whole);
    if console.json {
        let script = String::from_utf8_lossy(&script).into_owned();
        ResultWriter::document(&CompletionsDocument { shell: arguments.shell_name(), script })?;
    } else {
        write(&script)?;
    }
    Ok(ExitStatus::Done)
}

/// Writes the manual pages.
pub(crate) fn man(console: &Console, arguments: &ManArguments, whole: &mut Command) -> Outcome<ExitStatus> {
    let document = if let Some(directory) = &arguments.directory {
        ManArguments::write_pages(directory, whole)
            .map_err(|error| Failure::io("write the manual pages into", directory, &error))?;
        ManDocument::Directory(directory.display().to_string())
    } else {
        let page = ManArguments::main_page(whole).map_err(|error| Failure::output(&error))?;
        if !console.json {
            write(&page)?;
        }
        ManDocument::Page(String::from_utf8_lossy(&page).into_owned())
    };
    if console.json {
        ResultWriter::document(&document)?;
    }
    Ok(ExitStatus::Done)
}

fn write(bytes: &[u8]) -> Outcome<()> {
    if process::is_output_closed() {
        return Err(Failure::output(&rustix::io::Errno::BADF.into()));
    }
    ResultWriter::whole(|output| output.bytes(bytes))
}
