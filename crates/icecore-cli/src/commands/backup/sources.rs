//! What is to be backed up, and under which name.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use icecore_policy::Configuration;

use crate::{
    arguments::backup::{BackupArguments, parse_source_name},
    failure::{Failure, Outcome},
};
use icecore_operations::text;

/// Name of the source `/`, whose path has no last part.
const ROOT_NAME: &str = "rootfs";

/// One snapshot that is to be made.
#[derive(Debug)]
pub(crate) struct PlannedSource {
    /// What the user wrote.
    pub(crate) shown: Vec<u8>,
    /// Name of the source.
    pub(crate) name: String,
    /// The user chose the name.
    pub(crate) name_given: bool,
    /// What it is.
    pub(crate) kind: SourceKind,
}

/// What a source is.
#[derive(Debug)]
pub(crate) enum SourceKind {
    /// A directory or a single object.
    Tree {
        /// Path as the user wrote it.
        path: PathBuf,
        /// Absolute path without symbolic links.
        real: PathBuf,
    },
    /// Standard input.
    Stdin {
        /// Name of the file in the snapshot.
        file_name: OsString,
    },
    /// The output of a command.
    Command {
        /// Name of the file in the snapshot.
        file_name: OsString,
        /// The command with its arguments; not empty.
        program: Vec<OsString>,
    },
    /// Something that there will be no snapshot of.
    Failed(Failure),
}

impl PlannedSource {
    /// Returns the root as the engine records it.
    pub(crate) fn root(&self) -> Option<Vec<u8>> {
        match &self.kind {
            SourceKind::Tree { real, .. } => Some(real.as_os_str().as_bytes().to_vec()),
            SourceKind::Stdin { file_name } | SourceKind::Command { file_name, .. } => {
                Some(file_name.as_bytes().to_vec())
            }
            SourceKind::Failed(_) => None,
        }
    }
}

/// Finds out what is to be backed up. A path that does not exist is planned as failed; what is wrong with the request as a
/// whole is an error.
pub(crate) fn plan(
    arguments: &BackupArguments,
    configuration: &Configuration,
) -> Outcome<Vec<PlannedSource>> {
    if let Some(stream) = plan_stream(arguments)? {
        return Ok(vec![stream]);
    }
    let paths = match (arguments.paths.as_slice(), &arguments.name) {
        ([], Some(name)) => match configuration.backup_settings(Some(name)).path {
            Some(path) => vec![path],
            None => {
                return Err(Failure::usage(format!(
                    "no PATH is given, and the configuration file has no source {name:?}"
                ))
                .hint("write icecore backup --name NAME PATH"));
            }
        },
        ([], None) => {
            return Err(Failure::usage("no PATH is given")
                .hint("write icecore backup PATH…, or see icecore backup --help"));
        }
        ([_, _, ..], Some(_)) => {
            return Err(Failure::usage("--name is for one PATH: two sources cannot have one name")
                .hint("run the command once for each PATH"));
        }
        (paths, _) => paths.to_vec(),
    };
    let planned: Vec<PlannedSource> = paths
        .into_iter()
        .map(|path| plan_tree(path, arguments.name.as_deref(), configuration))
        .collect::<Outcome<_>>()?;
    refuse_repeated_names(&planned)?;
    Ok(planned)
}

fn plan_stream(arguments: &BackupArguments) -> Outcome<Option<PlannedSource>> {
    let (file_name, kind) = match (&arguments.stdin, &arguments.command) {
        (Some(file_name), _) => (file_name, SourceKind::Stdin { file_name: file_name.clone() }),
        (None, Some(file_name)) => {
            let program = arguments.program.clone();
            (file_name, SourceKind::Command { file_name: file_name.clone(), program })
        }
        (None, None) if arguments.program.is_empty() => return Ok(None),
        (None, None) => {
            return Err(Failure::usage("a command after -- is for --command NAME").hint(
                "write icecore backup --command NAME -- CMD…; a path that begins with - is written ./-name",
            ));
        }
    };
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => usable_name(file_name.as_bytes()).ok_or_else(|| unusable_name(file_name.as_bytes()))?,
    };
    let shown = file_name.as_bytes().to_vec();
    Ok(Some(PlannedSource { shown, name, name_given: arguments.name.is_some(), kind }))
}

fn plan_tree(path: PathBuf, given: Option<&str>, configuration: &Configuration) -> Outcome<PlannedSource> {
    let shown = path.as_os_str().as_bytes().to_vec();
    let (kind, real) = match path.canonicalize() {
        Ok(real) => (SourceKind::Tree { path, real: real.clone() }, Some(real)),
        Err(error) => (SourceKind::Failed(Failure::io("back up", &path, &error)), None),
    };
    let configured = || {
        let real = real.as_deref()?;
        let is_it = |root: &Path| root == real || root.canonicalize().is_ok_and(|root| root == real);
        configuration.sources().find(|(_, root)| is_it(root)).map(|(name, _)| name.to_owned())
    };
    if let Some(name) = given.map(str::to_owned).or_else(configured) {
        return Ok(PlannedSource { shown, name, name_given: true, kind });
    }
    let name = match &real {
        Some(real) => default_name(real).ok_or_else(|| unusable_name(real.as_os_str().as_bytes()))?,
        // There will be no snapshot; the name is for the report.
        None => text::printable(&shown).into_owned(),
    };
    Ok(PlannedSource { shown, name, name_given: false, kind })
}

fn default_name(real: &Path) -> Option<String> {
    match real.file_name() {
        Some(name) => usable_name(name.as_bytes()),
        None => Some(ROOT_NAME.to_owned()),
    }
}

/// Returns a name of a file as the name of a source, with a dash for what such a name cannot contain.
fn usable_name(file_name: &[u8]) -> Option<String> {
    let name = str::from_utf8(file_name).ok()?;
    parse_source_name(&name.replace(['@', ':'], "-")).ok()
}

fn unusable_name(path: &[u8]) -> Failure {
    Failure::usage(format!("{} does not give a name for the source", text::quoted(path)))
        .hint("use --name NAME")
}

fn refuse_repeated_names(planned: &[PlannedSource]) -> Outcome<()> {
    let mut names = BTreeMap::new();
    for source in planned.iter().filter(|source| source.root().is_some()) {
        let Some(first) = names.insert(&source.name, source) else { continue };
        let (first_path, path) = (text::printable(&first.shown), text::printable(&source.shown));
        let message = if first.root() == source.root() {
            format!("{first_path} and {path} are the same directory")
        } else {
            format!("{first_path} and {path} would both be the source {}", source.name)
        };
        return Err(Failure::usage(message).hint("back them up one by one, each with a --name of its own"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
