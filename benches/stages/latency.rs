//! Walk and small-file backup over a FUSE file system that answers each request 1 ms late, by the number of threads.
//!
//! Prints a table instead of criterion's statistics: one run takes seconds, and what is asked for is a ratio. Needs root
//! and `/dev/fuse`. `ICECORE_BENCH_FILES` and `ICECORE_BENCH_FILE_BYTES` choose another tree.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]
#![expect(clippy::print_stdout, reason = "the output of a command-line program")]

#[path = "../../tests/system/latency/slow_file_system.rs"]
mod slow_file_system;

use std::{fs, path::Path, time::Duration};

use icecore_backup::{
    backup,
    request::{
        BackupEvents, BackupNotice, BackupProgress, BackupReport, BackupRequest, BackupSource, SourceProblem,
    },
};
use icecore_benches::{
    bed::Bed,
    tree::{make_tree, temporary_directory},
};
use icecore_format::{ids::RunId, node::Totals, snapshot::Level};
use icecore_fs::{
    excludes::Excludes,
    walk::{Walk, WalkOptions},
};
use icecore_repo::session::WriteOptions;
use icecore_store::environment::{Clock, SystemClock};

use crate::slow_file_system::{Question, SlowMount};

const DELAY: Duration = Duration::from_millis(1);

struct Silent;

impl BackupEvents for Silent {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, _: &SourceProblem) {}
    fn notice(&self, _: &BackupNotice) {}
}

/// Runs `action` and prints its row; returns the seconds it took.
fn measure(mount: &SlowMount, what: &str, serial_seconds: Option<f64>, action: impl FnOnce()) -> f64 {
    let clock = SystemClock::new();
    mount.reset();
    action();
    let seconds = clock.monotonic().as_secs_f64();
    let questions = [Question::Metadata, Question::Listing, Question::Object];
    let requests = questions.map(|question| mount.requests(question));
    let count: u64 = requests.iter().map(|(count, _)| count).sum();
    let in_flight = requests.map(|(_, in_flight)| in_flight.to_string()).join(", ");
    let speed_up = serial_seconds.map_or(1.0, |serial| serial / seconds);
    println!("| {what} | {seconds:.2} | {count} | {in_flight} | {speed_up:.1} |");
    seconds
}

fn walk(root: &Path, concurrency: usize) {
    let options = WalkOptions { concurrency, ..WalkOptions::default() };
    let entries: usize = Walk::start(root, options).unwrap().map(|batch| batch.len()).sum();
    assert!(entries > 1, "there is something to walk over");
}

fn back_up(bed: &Bed, root: &Path, walk_concurrency: usize, read_concurrency: usize) -> BackupReport {
    let request = BackupRequest {
        source: BackupSource::Tree { path: root.to_owned() },
        name: "source".to_owned(),
        host: "host".to_owned(),
        level: Level::Incremental,
        dedup: None,
        tags: std::collections::BTreeMap::new(),
        program: "bench".to_owned(),
        excludes: Excludes::none(),
        exclude_caches: false,
        one_file_system: false,
        skip: Vec::new(),
        walk_concurrency,
        read_concurrency,
        write: WriteOptions::default(),
        dry_run: false,
    };
    let (report, _) = backup(&bed.repository, bed.catalog(), request, &Silent).unwrap();
    assert!(report.problems.is_empty(), "everything can be read");
    report
}

#[expect(clippy::disallowed_methods, reason = "the variables steer the bench itself")]
fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |value| value.parse().unwrap())
}

fn main() {
    let place = temporary_directory();
    let (source, slow) = (place.path().join("source"), place.path().join("slow"));
    let (files, bytes) = (number("ICECORE_BENCH_FILES", 2_000), number("ICECORE_BENCH_FILE_BYTES", 4096));
    make_tree(&source, files, bytes);
    fs::create_dir(&slow).unwrap();
    let mount = match SlowMount::new(&source, &slow, DELAY) {
        Ok(mount) => mount,
        Err(error) => {
            println!("skipped: a FUSE file system cannot be mounted here: {error}");
            return;
        }
    };
    println!(
        "{files} files of {bytes} bytes; in flight: metadata, listings, objects\n"
    );
    println!("| what, threads | seconds | requests | in flight | speed-up |\n|---|---|---|---|---|");
    let mut serial = None;
    for threads in [1, 2, 4, 8, 16, 32, 64, 128] {
        let seconds = measure(&mount, &format!("walk, {threads}"), serial, || walk(&slow, threads));
        serial = serial.or(Some(seconds));
    }
    let (mut serial_first, mut serial_second) = (None, None);
    for (walkers, readers) in [(1, 1), (8, 8), (16, 16), (32, 32), (64, 32), (64, 64), (64, 128)] {
        let bed = Bed::new(2);
        let threads = format!("{walkers} + {readers}");
        let seconds = measure(&mount, &format!("first backup, {threads}"), serial_first, || {
            back_up(&bed, &slow, walkers, readers);
        });
        serial_first = serial_first.or(Some(seconds));
        let seconds = measure(&mount, &format!("unchanged backup, {threads}"), serial_second, || {
            let report = back_up(&bed, &slow, walkers, readers);
            assert!(report.counts.files_read == 0, "nothing has changed");
        });
        serial_second = serial_second.or(Some(seconds));
    }
}
