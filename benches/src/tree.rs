//! Trees of small files on the disk.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::data::text;

/// Makes a temporary directory, in memory if the machine supports it.
///
/// # Panics
/// When that is not possible.
pub fn temporary_directory() -> TempDir {
    let in_memory = TempDir::with_prefix_in("icecore-bench-", "/dev/shm");
    let directory = in_memory.or_else(|_| TempDir::with_prefix("icecore-bench-"));
    assert!(directory.is_ok(), "there is no place for temporary files: {directory:?}");
    let Ok(directory) = directory else { unreachable!("checked in the line above") };
    directory
}

/// Fills `root` with `files` files of `bytes` bytes, 20 in a directory, two levels of directories.
///
/// # Panics
/// When that is not possible.
pub fn make_tree(root: &Path, files: usize, bytes: usize) {
    let content = text(bytes + files, 7);
    for number in 0..files {
        let directory = root.join(format!("d{:03}/e{:02}", number / 400, number / 20 % 20));
        let path = directory.join(format!("file-{number:06}.c"));
        // Each file begins at a different position in the text, so that no two are the same.
        let made =
            fs::create_dir_all(&directory).and_then(|()| fs::write(&path, &content[number..number + bytes]));
        assert!(made.is_ok(), "{}: {made:?}", path.display());
    }
}
