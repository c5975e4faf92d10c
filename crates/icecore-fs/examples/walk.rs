//! Walks a directory and prints the number of entries and the speed: `walk PATH [THREADS]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of a command-line program")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use icecore_fs::entry::EntryKind;
use icecore_fs::walk::{Walk, WalkItem, WalkOptions};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(root) = arguments.next() else {
        eprintln!("usage: walk PATH [THREADS]");
        return ExitCode::from(2);
    };
    let mut options = WalkOptions::default();
    if let Some(threads) = arguments.next() {
        let Some(threads) = threads.to_str().and_then(|text| text.parse().ok()) else {
            eprintln!("{} is not a number of threads", threads.display());
            return ExitCode::from(2);
        };
        options.concurrency = threads;
    }
    walk(Path::new(&root), options)
}

#[expect(clippy::disallowed_methods, reason = "the example measures time itself")]
fn walk(root: &Path, options: WalkOptions) -> ExitCode {
    let started = Instant::now();
    let mut walk = match Walk::start(root, options) {
        Ok(walk) => walk,
        Err(error) => {
            eprintln!("failed to {error}: {}", error.source);
            return ExitCode::FAILURE;
        }
    };
    let (mut entries, mut directories, mut bytes, mut errors) = (0_u64, 0_u64, 0_u64, 0_u64);
    for item in walk.by_ref().flatten() {
        match item {
            WalkItem::Entry(entry) => {
                entries += 1;
                bytes += entry.metadata.size;
                directories += u64::from(entry.metadata.kind == EntryKind::Directory);
            }
            WalkItem::Gone(path) => {
                errors += 1;
                eprintln!("moved or removed: {}", String::from_utf8_lossy(&path));
            }
            // Included in the error of its directory.
            WalkItem::NameOnly { error: None, .. } => errors += 1,
            WalkItem::NameOnly { error: Some(error), .. } | WalkItem::Unreadable(error) => {
                errors += 1;
                eprintln!("failed to {error}: {}", error.source);
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{entries} entries, {directories} directories, {bytes} bytes, {errors} errors in {seconds:.3} s: {:.0} entries/s; {:?}",
        entries as f64 / seconds,
        walk.counts(),
    );
    ExitCode::SUCCESS
}
