//! Small files that are replaced as a whole, and whose damage is detected.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use icecore_format::ids::RecordHash;
use serde::{Serialize, de::DeserializeOwned};

/// The first line of a file is this word and the hash of the rest.
const MARK: &str = "icecore-state-1";
/// No state file has this many bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Result of reading a file.
#[derive(Debug)]
pub(crate) enum Recalled<T> {
    /// It does not exist.
    Nothing,
    /// It is intact.
    Found(T),
    /// It cannot be read.
    Unusable(StateFault),
}

/// Why a state file of this host cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateFault {
    /// Its bytes are not those that were written, or it belongs to something else.
    #[error("it is damaged")]
    Damaged,
    /// The operating system could not read it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a file, and converts its content.
pub(crate) fn recall_file<F: DeserializeOwned, T>(
    path: &Path,
    convert: impl Fn(F) -> Option<T>,
) -> Recalled<T> {
    match read(path) {
        Ok(bytes) => {
            let value = body(&bytes).and_then(|body| serde_json::from_slice(body).ok()).and_then(convert);
            value.map_or_else(|| Recalled::Unusable(StateFault::Damaged), Recalled::Found)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Recalled::Nothing,
        Err(error) => Recalled::Unusable(error.into()),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns everything after the first line, if its hash is in the first line.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (first, rest) = bytes.split_at(end);
    let body = &rest[1..];
    (first == head(body).as_bytes()).then_some(body)
}

pub(crate) fn head(body: &[u8]) -> String {
    format!("{MARK} {}", RecordHash::of(body))
}

/// Replaces a file as a whole: after a crash, the file is either the old or the new one.
pub(crate) fn write(path: &Path, file: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(file)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // Two processes of the same user may do this at the same time.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        let mut options = OpenOptions::new();
        let mut output = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        output.write_all(format!("{}\n", head(&body)).as_bytes())?;
        output.write_all(&body)?;
        output.sync_all()?;
        fs::rename(&temporary, path)
    };
    if let Err(error) = write() {
        fs::remove_file(&temporary).unwrap_or_default();
        return Err(error);
    }
    File::open(directory)?.sync_all()
}
