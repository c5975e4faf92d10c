//! Walk and small-file backup by the number of threads: over a FUSE file system that answers each request 1
//! ms late, and over the file system below it.
//!
//! Prints tables instead of criterion's statistics, because one run takes seconds and the result is a ratio.
//! The first table needs root and `/dev/fuse`. `ICECORE_BENCH_FILES` and `ICECORE_BENCH_FILE_BYTES` select
//! another tree.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]
#![expect(clippy::print_stdout, reason = "the output of a command-line program")]

#[path = "../../tests/system/latency/slow_file_system.rs"]
mod slow_file_system;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use icecore_backup::{backup, report::BackupReport, request::BackupRequest};
use icecore_benches::{
    backup::{Silent, request},
    bed::Bed,
    tree::{make_tree, temporary_directory},
};
use icecore_fs::walk::{Walk, WalkOptions};
use icecore_store::environment::{Clock, SystemClock};

use crate::slow_file_system::{Question, SlowMount};

const DELAY: Duration = Duration::from_millis(1);

/// Wall-clock time and processor time in seconds.
#[derive(Clone, Copy)]
struct Seconds {
    wall: f64,
    processor: f64,
}

fn measure(action: impl FnOnce()) -> Seconds {
    let (clock, before) = (SystemClock::new(), processor_seconds());
    action();
    Seconds { wall: clock.monotonic().as_secs_f64(), processor: processor_seconds() - before }
}

/// Returns the processor time of this process, in hundredths of a second.
fn processor_seconds() -> f64 {
    let line = fs::read_to_string("/proc/self/stat").unwrap();
    // After the program's name, which may contain anything, `utime` and `stime` are the 12th and 13th field
    // (proc(5)).
    let (_, fields) = line.rsplit_once(')').unwrap();
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

/// Results of one run, and data for its row.
struct Table<'a> {
    mount: Option<&'a SlowMount>,
    serial: BTreeMap<&'static str, f64>,
}

impl<'a> Table<'a> {
    fn new(mount: Option<&'a SlowMount>) -> Self {
        let columns = if mount.is_some() { "requests | in flight" } else { "CPU seconds | " };
        println!("| what | threads | seconds | {columns} | speed-up |\n|---|---|---|---|---|---|");
        Self { mount, serial: BTreeMap::new() }
    }

    /// Runs `action` and prints its row.
    fn row(&mut self, what: &'static str, threads: &str, action: impl FnOnce()) {
        if let Some(mount) = self.mount {
            mount.reset();
        }
        let seconds = measure(action);
        let serial = *self.serial.entry(what).or_insert(seconds.wall);
        let (middle, speed_up) = (self.middle(seconds), serial / seconds.wall);
        println!("| {what} | {threads} | {:.2} | {middle} | {speed_up:.1} |", seconds.wall);
    }

    fn middle(&self, seconds: Seconds) -> String {
        let Some(mount) = self.mount else { return format!("{:.2} | ", seconds.processor) };
        let requests =
            [Question::Metadata, Question::Listing, Question::Object].map(|one| mount.requests(one));
        let count: u64 = requests.iter().map(|(count, _)| count).sum();
        format!("{count} | {}", requests.map(|(_, in_flight)| in_flight.to_string()).join(", "))
    }
}

fn walk(root: &Path, concurrency: usize) {
    let options = WalkOptions { concurrency, ..WalkOptions::default() };
    let entries: usize = Walk::start(root, options).unwrap().map(|batch| batch.len()).sum();
    assert!(entries > 1, "there is something to walk over");
}

fn back_up(bed: &Bed, root: &Path, walk_concurrency: usize, read_concurrency: usize) -> BackupReport {
    let request = BackupRequest { walk_concurrency, read_concurrency, ..request(root.to_owned()) };
    let report = backup(&bed.repository, &mut bed.catalog(), request, &Silent).unwrap();
    assert!(report.problems.is_empty(), "everything can be read");
    report
}

#[expect(clippy::disallowed_methods, reason = "the variables steer the bench itself")]
fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |value| value.parse().unwrap())
}

fn rows(root: &Path, mount: Option<&SlowMount>) {
    let mut table = Table::new(mount);
    for threads in [1, 2, 4, 8, 16, 32, 64, 128] {
        table.row("walk", &threads.to_string(), || walk(root, threads));
    }
    for (walkers, readers) in
        [(1, 1), (2, 2), (4, 4), (8, 8), (16, 16), (32, 32), (64, 32), (64, 64), (64, 128)]
    {
        let (bed, threads) = (Bed::new(2), format!("{walkers} + {readers}"));
        table.row("first backup", &threads, || {
            back_up(&bed, root, walkers, readers);
        });
        table.row("unchanged backup", &threads, || {
            let report = back_up(&bed, root, walkers, readers);
            assert!(report.counts.files_read == 0, "nothing has changed");
        });
    }
}

fn main() {
    let place = temporary_directory();
    let (source, slow) = (place.path().join("source"), place.path().join("slow"));
    let (files, bytes) = (number("ICECORE_BENCH_FILES", 2_000), number("ICECORE_BENCH_FILE_BYTES", 4096));
    make_tree(&source, files, bytes);
    fs::create_dir(&slow).unwrap();
    match SlowMount::new(&source, &slow, DELAY) {
        Ok(mount) => {
            println!("\n{files} files of {bytes} bytes, 1 ms late; in flight: metadata, listings, objects\n");
            rows(&slow, Some(&mount));
        }
        Err(error) => println!("skipped: a FUSE file system cannot be mounted here: {error}"),
    }
    // More files, because they take less time.
    let source = place.path().join("more");
    make_tree(&source, files * 10, bytes);
    println!("\n{} files of {bytes} bytes, local\n", files * 10);
    rows(&source, None);
}
