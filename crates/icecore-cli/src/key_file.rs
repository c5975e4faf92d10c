//! Key files: reading them, and writing them so that they last and nobody else reads them.

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
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    surface::console::Console,
};

/// More than any key file or password has, in bytes.
pub(crate) const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;
/// Permission bits that files have.
const MODE_PERMISSIONS: u32 = 0o777;
/// Permission bit that lets everybody read.
const MODE_OTHERS_READ: u32 = 0o004;

/// A key file that was read.
#[derive(Debug)]
pub(crate) struct KeyFile {
    /// Repository that it was made for, if it says so.
    pub(crate) repository: Option<RepositoryId>,
    /// Its secret.
    pub(crate) secret: Secret,
}

/// Reads a key file.
pub(crate) fn read(path: &Path, console: &Console) -> Outcome<KeyFile> {
    parse(path, &read_secret_file(path, "key file", console)?)
}

/// Reads a key file that may be missing or hold something else, without a word.
pub(crate) fn peek(path: &Path) -> Option<KeyFile> {
    let (bytes, _) = read_bytes(path, "key file").ok()?;
    parse(path, &bytes).ok()
}

fn parse(path: &Path, bytes: &[u8]) -> Outcome<KeyFile> {
    let malformed = |why: &str| {
        Failure::new(ExitStatus::WrongKey, format!("{} is no key file: {why}", path.display()))
            .hint("give the file that icecore wrote when the key was made")
    };
    let Ok(text) = str::from_utf8(bytes) else { return Err(malformed("it is not text")) };
    let (repository, secret) = read_key_file(text).map_err(|error| malformed(&reason(&error)))?;
    Ok(KeyFile { repository, secret })
}

/// Reads a small file that holds a secret, and warns if everybody may read it.
pub(crate) fn read_secret_file(path: &Path, what: &str, console: &Console) -> Outcome<Zeroizing<Vec<u8>>> {
    let (bytes, is_public) = read_bytes(path, what)?;
    if is_public {
        let path = path.display();
        console.warning(&format!(
            "everybody on this machine may read the {what} {path}; `chmod 600 {path}` ends that"
        ));
    }
    Ok(bytes)
}

/// Reads a small file that holds a secret, and says whether everybody may read it.
fn read_bytes(path: &Path, what: &str) -> Outcome<(Zeroizing<Vec<u8>>, bool)> {
    let failed = |error: &io::Error| Failure::io(&format!("read the {what}"), path, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    let is_public = metadata.is_file() && metadata.permissions().mode() & MODE_OTHERS_READ != 0;
    // Allocated once: a vector that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_FILE_BYTES_MAX as usize + 1));
    file.take(SECRET_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > SECRET_FILE_BYTES_MAX {
        let message = format!("the {what} {} is longer than {SECRET_FILE_BYTES_MAX} bytes", path.display());
        return Err(Failure::new(ExitStatus::Failed, message));
    }
    Ok((bytes, is_public))
}

/// Writes a key file that must not exist yet: mode 600, in directories of mode 700 where they are missing, durable.
pub(crate) fn create(path: &Path, repository: RepositoryId, secret: &Secret) -> Outcome<()> {
    let write = || {
        DirBuilder::new().recursive(true).mode(0o700).create(parent(path))?;
        write_new(path, repository, secret, None)?;
        sync_parent(path)
    };
    write().map_err(|error| Failure::io("write the key file", path, &error))
}

/// Puts a new key file at the path of an existing one, with its owner and mode.
///
/// The old one stays beside it under the name that is returned, which says since when it is old. At every moment there is a
/// key file at the path.
pub(crate) fn replace(
    path: &Path,
    repository: RepositoryId,
    secret: &Secret,
    date: &str,
) -> Outcome<PathBuf> {
    let failed = |error: &io::Error| Failure::io("replace the key file", path, error);
    let kept = keep(path, date).map_err(|error| failed(&error))?;
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
            Err(failed(&error))
        }
    }
}

/// Gives a key file another name, which says since when it is old, and returns that.
pub(crate) fn retire(path: &Path, date: &str) -> Outcome<PathBuf> {
    let rename = || {
        let kept = keep(path, date)?;
        fs::remove_file(path)?;
        sync_parent(path)?;
        Ok(kept)
    };
    rename().map_err(|error| Failure::io("rename the key file", path, &error))
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

/// Writes a file that must not exist yet, with owner and mode of another one, or for its owner alone.
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
    // Half a key file would be taken for one that was altered.
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
