//! Targets for text that people write: references, locations, patterns, sizes, key files and the
//! configuration file.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use icecore_format::{
    path,
    slot::{read_key_file, write_key_file},
};
use icecore_fs::excludes::Excludes;
use icecore_operations::reference::{self, Moment, SnapshotChoice};
use icecore_policy::{COMPRESSION_LEVELS, Configuration, PACK_BYTES_RANGE, parse_byte_size};
use icecore_restore::IncludePatterns;
use icecore_store::RepositoryLocation;
use jiff::tz::TimeZone;

/// Paths for matching patterns.
const PATHS: [&str; 6] =
    ["a", "a/b/c.txt", ".cache/x", "deep/er/and/deeper/still/file", "\u{e9}t\u{e9}", "a b"];

/// The text of a key file.
pub fn key_file(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok((Some(repository), secret)) = read_key_file(text) {
        let written = write_key_file(repository, &secret);
        assert_eq!(read_key_file(&written), Ok((Some(repository), secret)));
    }
}

/// A reference to a snapshot, with the dates and times in it.
pub fn reference(input: &[u8]) {
    let text = OsStr::from_bytes(input);
    let found = match reference::parse(text) {
        Ok(found) => found,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(reference::parse_without_path(text).is_err());
            return;
        }
    };
    assert!(path::validate(&found.path).is_ok(), "{:?}", found.path);
    assert_eq!(reference::parse_without_path(text).is_ok(), found.path.is_empty());
    assert!(found.source.is_none_or(|source| !source.is_empty()));
    if let SnapshotChoice::At(moment) = found.snapshot {
        let end = moment.end(&TimeZone::UTC);
        if let (Moment::Absolute(timestamp), Some(end)) = (moment, end) {
            assert!(end > timestamp.as_nanosecond());
        }
    }
}

/// The location of a repository.
pub fn location(input: &[u8]) {
    match RepositoryLocation::parse(OsStr::from_bytes(input)) {
        Ok(RepositoryLocation::Local(path)) => {
            let bytes = path.as_os_str().as_bytes();
            assert!(!bytes.is_empty() && !bytes.contains(&0), "{}", path.display());
        }
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A file of exclude patterns.
pub fn excludes(input: &[u8]) {
    let mut builder = Excludes::builder();
    if builder.add_lines(input, Path::new("patterns")).is_err() {
        return;
    }
    let Ok(excludes) = builder.build() else { return };
    for path in PATHS {
        let (as_file, as_directory) =
            (excludes.is_excluded(path.as_bytes(), false), excludes.is_excluded(path.as_bytes(), true));
        assert!(!excludes.is_empty() || !as_file && !as_directory, "{path}");
    }
    // The patterns themselves usually match as names.
    for line in input.split(|byte| *byte == b'\n').take(8) {
        excludes.is_excluded(line, false);
    }
}

/// Include patterns, one on each line.
pub fn includes(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(patterns) = IncludePatterns::new(text.lines()) else { return };
    for path in PATHS.into_iter().chain(text.lines().take(8)) {
        for is_directory in [false, true] {
            let is_included = patterns.is_included(path.as_bytes(), is_directory);
            assert!(is_included || !patterns.is_empty(), "{path:?} is excluded by no pattern");
            let Some((parent, _)) = path.rsplit_once('/').filter(|_| !text.contains('!')) else { continue };
            let is_parent_included = patterns.is_included(parent.as_bytes(), true);
            assert!(is_included || !is_parent_included, "{path:?} is excluded, its directory is not");
        }
    }
}

/// A size in bytes.
pub fn byte_size(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match parse_byte_size(text) {
        Ok(size) => assert_eq!(parse_byte_size(&size.to_string()), Ok(size)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The configuration file.
pub fn configuration(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let configuration = match Configuration::parse(text) {
        Ok(configuration) => configuration,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let names = configuration.sources().map(|(name, _)| Some(name)).chain([None]);
    for name in names {
        let settings = configuration.backup_settings(name);
        assert_eq!(settings.path.is_some(), name.is_some());
        assert!(settings.path.iter().chain(&settings.exclude_files).all(|path| path.is_absolute()));
        assert!(PACK_BYTES_RANGE.contains(&settings.pack_bytes));
        assert!(COMPRESSION_LEVELS.contains(&settings.compression_level));
    }
}
