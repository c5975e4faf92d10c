//! Key files: reading them, and writing them durably and privately.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use icecore_format::{
    ids::RepositoryId,
    keys::Secret,
    slot::{read_key_file, write_key_file},
};
use zeroize::Zeroizing;

use crate::{
    error::{AccessError, AccessResult},
    events::{AccessEvents, AccessNotice},
    origin::SecretFileKind,
};

/// No key file or password has this many bytes.
pub const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;
/// Permission bits that files have.
const MODE_PERMISSIONS: u32 = 0o777;
/// Permission bit that lets everybody read.
const MODE_OTHERS_READ: u32 = 0o004;

/// A key file that was read.
#[derive(Debug)]
pub struct KeyFile {
    /// Repository that it was made for, if it names one.
    pub repository: Option<RepositoryId>,
    /// Its secret.
    pub secret: Secret,
}

/// Reads a key file.
pub fn read(path: &Path, events: &dyn AccessEvents) -> AccessResult<KeyFile> {
    parse(path, &read_secret_file(path, SecretFileKind::Key, events)?)
}

/// Reads a key file that may be missing or hold something else, without notices.
pub fn peek(path: &Path) -> Option<KeyFile> {
    let (bytes, _) = read_bytes(path, SecretFileKind::Key).ok()?;
    parse(path, &bytes).ok()
}

fn parse(path: &Path, bytes: &[u8]) -> AccessResult<KeyFile> {
    let path = path.to_owned();
    let Ok(text) = str::from_utf8(bytes) else { return Err(AccessError::KeyFileNotText { path }) };
    let (repository, secret) =
        read_key_file(text).map_err(|fault| AccessError::KeyFileMalformed { path, fault })?;
    Ok(KeyFile { repository, secret })
}

/// Reads a small file that holds a secret, and reports if everybody can read it.
pub fn read_secret_file(
    path: &Path,
    kind: SecretFileKind,
    events: &dyn AccessEvents,
) -> AccessResult<Zeroizing<Vec<u8>>> {
    let (bytes, is_public) = read_bytes(path, kind)?;
    if is_public {
        events.notice(AccessNotice::PublicSecret { kind, path });
    }
    Ok(bytes)
}

/// Reads a small file that holds a secret; returns whether everybody can read it.
fn read_bytes(path: &Path, kind: SecretFileKind) -> AccessResult<(Zeroizing<Vec<u8>>, bool)> {
    let failed = |source: io::Error| AccessError::SecretFile { kind, path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let is_public = metadata.is_file() && metadata.permissions().mode() & MODE_OTHERS_READ != 0;
    // Allocated once: a vector that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_FILE_BYTES_MAX as usize + 1));
    file.take(SECRET_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > SECRET_FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(AccessError::SecretFileTooLong { kind, path, bytes_max: SECRET_FILE_BYTES_MAX });
    }
    Ok((bytes, is_public))
}

/// Writes a new key file: mode 600, in directories of mode 700 that are created if needed, durable.
pub fn create(path: &Path, repository: RepositoryId, secret: &Secret) -> AccessResult<()> {
    let write = || {
        DirBuilder::new().recursive(true).mode(0o700).create(parent(path))?;
        write_new(path, repository, secret, None)?;
        sync_parent(path)
    };
    write().map_err(|error| failed("write the key file", path, error))
}

/// Replaces a key file with a new one, with its owner and mode.
///
/// The old one stays beside it under the returned name, which contains the date. At every moment there is a
/// key file at the path.
pub fn replace(path: &Path, repository: RepositoryId, secret: &Secret, date: &str) -> AccessResult<PathBuf> {
    let failed = |error: io::Error| failed("replace the key file", path, error);
    let kept = keep(path, date).map_err(failed)?;
    let new = with_suffix(path, &format!(".new-{}", std::process::id()));
    let write = || {
        write_new(&new, repository, secret, Some(&fs::metadata(path)?))?;
        fs::rename(&new, path).inspect_err(|_| fs::remove_file(&new).unwrap_or_default())?;
        sync_parent(path)
    };
    match write() {
        Ok(()) => Ok(kept),
        Err(error) => {
            fs::remove_file(&kept).unwrap_or_default();
            Err(failed(error))
        }
    }
}

/// Renames a key file and returns the new name, which contains the date.
pub fn retire(path: &Path, date: &str) -> AccessResult<PathBuf> {
    let rename = || {
        let kept = keep(path, date)?;
        fs::remove_file(path)?;
        sync_parent(path)?;
        Ok(kept)
    };
    rename().map_err(|error| failed("rename the key file", path, error))
}

fn failed(operation: &'static str, path: &Path, source: io::Error) -> AccessError {
    AccessError::File { operation, path: path.to_owned(), source }
}

/// Gives a key file a second name and returns it.
fn keep(path: &Path, date: &str) -> io::Result<PathBuf> {
    for number in 1.. {
        let count = if number == 1 { String::new() } else { format!("-{number}") };
        let kept = with_suffix(path, &format!(".old-{date}{count}"));
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Some file systems have no links.
            Err(_) if !kept.exists() => return copy(path, &kept).map(|()| kept),
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn copy(path: &Path, copy: &Path) -> io::Result<()> {
    let mut content = Zeroizing::new(Vec::new());
    let mut input = File::open(path)?;
    input.read_to_end(&mut content)?;
    write_private(copy, &content, Some(&input.metadata()?))
}

fn write_new(
    path: &Path,
    repository: RepositoryId,
    secret: &Secret,
    like: Option<&Metadata>,
) -> io::Result<()> {
    write_private(path, write_key_file(repository, secret).as_bytes(), like)
}

/// Writes a new file, with owner and mode of another one, or for its owner alone.
fn write_private(path: &Path, content: &[u8], like: Option<&Metadata>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut write = || {
        if let Some(like) = like {
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
                fchown(&file, Some(like.uid()), Some(like.gid()))?;
            }
            file.set_permissions(fs::Permissions::from_mode(like.mode() & MODE_PERMISSIONS))?;
        }
        file.write_all(content)?;
        file.sync_all()
    };
    // A partly written key file would look like a modified one.
    write().inspect_err(|_| fs::remove_file(path).unwrap_or_default())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
