//! Times of files.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

/// Waits until a backup trusts the times of all files that have been written: a few ticks of the file
/// system's clock. `probe` is a path on that file system for a temporary file.
///
/// # Panics
/// When the file cannot be made.
pub fn let_times_settle(probe: &Path) {
    let stamp = || -> io::Result<SystemTime> {
        fs::write(probe, b"")?;
        fs::metadata(probe)?.modified()
    };
    let wait = || {
        let first = stamp()?;
        while stamp()? < first + Duration::from_millis(25) {
            std::thread::yield_now();
        }
        fs::remove_file(probe)
    };
    wait().unwrap();
}
