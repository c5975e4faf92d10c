//! Sources of a backup, and their names.

use std::{
    collections::BTreeMap,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use icecore_policy::Configuration;

use super::{
    BackupFault, ChosenSettings, SourceChoice, SourceKind, SourceRequest, SourceSettings, StreamChoice,
    parse_source_name,
};
use crate::{error::OperationResult, text};

/// Name of the source `/`, whose path has no last component.
const ROOT_NAME: &str = "rootfs";

/// Finds out what to back up, and how. A missing path becomes a source that fails; mistakes in the request as
/// a whole are errors.
pub fn plan(
    choice: SourceChoice,
    chosen: &ChosenSettings,
    configuration: &Configuration,
) -> OperationResult<Vec<SourceRequest>> {
    let planner = Planner { given: choice.name, chosen, configuration };
    if let Some(stream) = choice.stream {
        return Ok(vec![planner.stream(stream)?]);
    }
    let paths = match (choice.paths.as_slice(), &planner.given) {
        ([], Some(name)) => match configuration.backup_settings(Some(name)).path {
            Some(path) => vec![path],
            None => return Err(BackupFault::UnknownSource { name: name.clone() }.into()),
        },
        ([], None) => return Err(BackupFault::NoPath.into()),
        ([_, _, ..], Some(_)) => return Err(BackupFault::OneName.into()),
        _ => choice.paths,
    };
    let planned: Vec<SourceRequest> =
        paths.into_iter().map(|path| planner.tree(path)).collect::<Result<_, BackupFault>>()?;
    refuse_repeated_names(&planned)?;
    Ok(planned)
}

/// Data for the plans of all sources.
struct Planner<'a> {
    /// Name that the user chose.
    given: Option<String>,
    chosen: &'a ChosenSettings,
    configuration: &'a Configuration,
}

impl Planner<'_> {
    fn stream(&self, stream: StreamChoice) -> Result<SourceRequest, BackupFault> {
        let shown = stream.file_name().as_bytes().to_vec();
        let name = match &self.given {
            Some(name) => name.clone(),
            None => usable_name(&shown).ok_or_else(|| BackupFault::Unnamed { path: shown.clone() })?,
        };
        Ok(self.source(shown, name, self.given.is_some(), SourceKind::Stream(stream)))
    }

    fn tree(&self, path: PathBuf) -> Result<SourceRequest, BackupFault> {
        let shown = path.as_os_str().as_bytes().to_vec();
        let (kind, real) = match path.canonicalize() {
            Ok(real) => (SourceKind::Tree { path, real: real.clone() }, Some(real)),
            Err(source) => (SourceKind::Failed(BackupFault::Unreachable { path, source }.into()), None),
        };
        let configured = || {
            let real = real.as_deref()?;
            let is_it = |root: &Path| root == real || root.canonicalize().is_ok_and(|root| root == real);
            self.configuration.sources().find(|(_, root)| is_it(root)).map(|(name, _)| name.to_owned())
        };
        if let Some(name) = self.given.clone().or_else(configured) {
            return Ok(self.source(shown, name, true, kind));
        }
        let name = match &real {
            Some(real) => default_name(real)
                .ok_or_else(|| BackupFault::Unnamed { path: real.as_os_str().as_bytes().to_vec() })?,
            // There will be no snapshot; the name is for the report.
            None => text::printable(&shown).into_owned(),
        };
        Ok(self.source(shown, name, false, kind))
    }

    fn source(&self, shown: Vec<u8>, name: String, name_given: bool, kind: SourceKind) -> SourceRequest {
        let settings = SourceSettings::merge(self.configuration.backup_settings(Some(&name)), self.chosen);
        SourceRequest { shown, name, name_given, kind, settings }
    }
}

fn default_name(real: &Path) -> Option<String> {
    match real.file_name() {
        Some(name) => usable_name(name.as_bytes()),
        None => Some(ROOT_NAME.to_owned()),
    }
}

/// Turns a file name into a valid name of a source, with dashes for invalid characters.
fn usable_name(file_name: &[u8]) -> Option<String> {
    let name = str::from_utf8(file_name).ok()?;
    parse_source_name(&name.replace(['@', ':'], "-")).ok()
}

fn refuse_repeated_names(planned: &[SourceRequest]) -> Result<(), BackupFault> {
    let mut names = BTreeMap::new();
    for source in planned.iter().filter(|source| source.root().is_some()) {
        let Some(first) = names.insert(&source.name, source) else { continue };
        let (first_shown, second) = (first.shown.clone(), source.shown.clone());
        return Err(if first.root() == source.root() {
            BackupFault::SameDirectory { first: first_shown, second }
        } else {
            BackupFault::SameName { first: first_shown, second, name: source.name.clone() }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
