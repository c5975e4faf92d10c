//! Key files: reading them, and writing them so that they last and nobody else reads them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use icecore_format::{
    ids::RepositoryId,
    keys::Secret,
    slot::{read_key_file, write_key_file},
};
use zeroize::Zeroizing;

use crate::{
    console::Console,
    exit_status::ExitStatus,
    failure::{Failure, Outcome, reason},
};

/// More than any key file or password has, in bytes.
pub(crate) const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;
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
    let bytes = read_secret_file(path, "key file", console)?;
    let malformed = |why: &str| {
        Failure::new(ExitStatus::WrongKey, format!("{} is no key file: {why}", path.display()))
            .hint("give the file that icecore wrote when the key was made")
    };
    let Ok(text) = str::from_utf8(&bytes) else { return Err(malformed("it is not text")) };
    let (repository, secret) = read_key_file(text).map_err(|error| malformed(&reason(&error)))?;
    Ok(KeyFile { repository, secret })
}

/// Reads a small file that holds a secret, and warns if everybody may read it.
pub(crate) fn read_secret_file(path: &Path, what: &str, console: &Console) -> Outcome<Zeroizing<Vec<u8>>> {
    let failed = |error: &io::Error| Failure::io(&format!("read the {what}"), path, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if metadata.is_file() && metadata.permissions().mode() & MODE_OTHERS_READ != 0 {
        let path = path.display();
        console.warning(&format!(
            "everybody on this machine may read the {what} {path}; `chmod 600 {path}` ends that"
        ));
    }
    // Allocated once: a vector that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_FILE_BYTES_MAX as usize + 1));
    file.take(SECRET_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > SECRET_FILE_BYTES_MAX {
        let message = format!("the {what} {} is longer than {SECRET_FILE_BYTES_MAX} bytes", path.display());
        return Err(Failure::new(ExitStatus::Failed, message));
    }
    Ok(bytes)
}

/// Writes a key file that must not exist yet: mode 600, in directories of mode 700 where they are missing, durable.
pub(crate) fn create(path: &Path, repository: RepositoryId, secret: &Secret) -> Outcome<()> {
    let write = || -> io::Result<()> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let written =
            file.write_all(write_key_file(repository, secret).as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a key file would be taken for one that was altered.
            fs::remove_file(path).unwrap_or_default();
            return Err(error);
        }
        File::open(directory)?.sync_all()
    };
    write().map_err(|error| Failure::io("write the key file", path, &error))
}

#[cfg(test)]
mod tests;
