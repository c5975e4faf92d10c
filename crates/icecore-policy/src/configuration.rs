//! The configuration file as values.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    error::ConfigurationError,
    location,
    progress_mode::ProgressMode,
    record::{BackupRecord, FileRecord, S3Record},
    s3_settings::S3Settings,
    settings::{BackupSettings, SettingsTable},
};

/// How the repository is unlocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnlockMethod {
    /// By the password in this file.
    PasswordFile(PathBuf),
    /// By the password that this command prints.
    PasswordCommand(String),
    /// By this key file.
    KeyFile(PathBuf),
}

/// The content of a configuration file, checked as far as possible without access to anything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// URL or absolute path of the repository.
    pub repository: Option<String>,
    /// How to unlock it.
    pub unlock: Option<UnlockMethod>,
    /// Directory of the catalogue and other caches.
    pub cache_directory: Option<PathBuf>,
    /// Limit for all catalogues together, in bytes; beyond it, catalogues of unused repositories are removed.
    pub cache_bytes_max: Option<u64>,
    /// Memory for the chunks of an index before it moves to disk, in bytes.
    pub index_memory_bytes: Option<u64>,
    /// How progress is shown.
    pub progress: ProgressMode,
    /// Settings of S3.
    pub s3: S3Settings,
    backup: SettingsTable,
    sources: BTreeMap<String, Source>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    path: PathBuf,
    settings: SettingsTable,
}

impl Configuration {
    /// Reads the text of a configuration file.
    ///
    /// ```
    /// let text = r#"
    ///     repository = "/srv/backup"
    ///     [backup]
    ///     pack-size = "32MiB"
    ///     exclude = ["*.tmp"]
    ///     [sources.home]
    ///     path = "/home"
    ///     exclude = [".cache/"]
    /// "#;
    /// let configuration = icecore_policy::Configuration::parse(text)?;
    /// let settings = configuration.backup_settings(Some("home"));
    /// assert_eq!(settings.path.as_deref(), Some("/home".as_ref()));
    /// assert_eq!((settings.exclude, settings.pack_bytes), (vec![".cache/".to_owned()], 32 << 20));
    /// # Ok::<(), icecore_policy::ConfigurationError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ConfigurationError> {
        let record: FileRecord = toml::from_str(text).map_err(|error| location::describe(text, &error))?;
        let methods = [
            ("password-file", record.password_file.map(|path| UnlockMethod::PasswordFile(path.0))),
            (
                "password-command",
                record.password_command.map(|command| UnlockMethod::PasswordCommand(command.0)),
            ),
            ("key-file", record.key_file.map(|path| UnlockMethod::KeyFile(path.0))),
        ];
        let sources = record.sources.into_iter().map(|(name, mut source)| {
            let path = std::mem::take(&mut source.path.0);
            (name.0, Source { path, settings: source.into_settings() })
        });
        Ok(Self {
            repository: record.repository.map(|repository| repository.0),
            unlock: only_one(text, methods)?,
            cache_directory: record.cache_dir.map(|path| path.0),
            cache_bytes_max: record.cache_size.map(|size| size.0),
            index_memory_bytes: record.index_memory.map(|size| size.0),
            progress: record.progress,
            s3: record.s3.map(S3Record::into_settings).unwrap_or_default(),
            backup: record.backup.map(BackupRecord::into_settings).unwrap_or_default(),
            sources: sources.collect(),
        })
    }

    /// Returns the settings for a source: from its own table, else from `[backup]`, else the defaults. A
    /// source without a name or a table gets the settings of `[backup]` and no path.
    pub fn backup_settings(&self, source: Option<&str>) -> BackupSettings {
        let mut settings = BackupSettings::default();
        self.backup.apply(&mut settings);
        if let Some(source) = source.and_then(|name| self.sources.get(name)) {
            source.settings.apply(&mut settings);
            settings.path = Some(source.path.clone());
        }
        settings
    }

    /// Returns names and root directories of the sources, sorted by name.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = (&str, &Path)> {
        self.sources.iter().map(|(name, source)| (name.as_str(), source.path.as_path()))
    }
}

/// Returns the only given method. Two are an error, because choosing one of them would be a guess.
fn only_one(
    text: &str,
    methods: [(&'static str, Option<UnlockMethod>); 3],
) -> Result<Option<UnlockMethod>, ConfigurationError> {
    let mut given: Vec<_> = methods
        .into_iter()
        .filter_map(|(key, method)| Some((location::position_of_key(text, key), key, method?)))
        .collect();
    given.sort_by_key(|(position, ..)| (position.line, position.column));
    if let [(_, other, _), (position, key, _), ..] = given[..] {
        return Err(ConfigurationError::Conflict { position, key, other });
    }
    Ok(given.pop().map(|(.., method)| method))
}

#[cfg(test)]
mod tests;
