//! Serves an artificial repository of many snapshots on S3 until it is killed. It is used to measure the cost
//! of opening such a repository.
//!
//! Arguments: the number of snapshots, the key file to write (it must not exist), and optionally the delay of
//! each request in milliseconds, as with a distant server. Each snapshot contains one small file that has
//! changed, and has a record in the log, as if `icecore backup` had made it. There are no index objects; the
//! first backup by the program writes them. When the server is ready, it prints which settings to use.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]
#![expect(clippy::print_stdout, reason = "the output of a command-line program")]

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    sync::Arc,
    time::Duration,
};

use icecore_backup::{backup, request::BackupRequest};
use icecore_benches::{
    backup::{Silent, request},
    bed::{Bed, key_file_secret},
    tree::temporary_directory,
};
use icecore_format::{ids::WriterId, layout::INDEX_PREFIX, log::CompletedSnapshot, slot::write_key_file};
use icecore_repo::{
    log::{LogAuthor, LogBook, LogEvents},
    snapshots::SnapshotList,
};
use icecore_store::{
    environment::{Clock, ManualClock, SystemClock},
    memory::MemoryStore,
    store::Store,
};
use s3_test_server::{ServerOptions, TestServer};

/// Time between snapshots.
const INTERVAL: Duration = Duration::from_hours(1);

/// Makes a repository of snapshots, an hour apart, each with a record in the log.
fn fill(bed: &Bed, clock: &ManualClock, snapshots: u32) {
    let tree = temporary_directory();
    let mut catalog = bed.catalog();
    let (mut book, mut list) = (LogBook::default(), SnapshotList::default());
    let mut author = LogAuthor {
        writer: WriterId([7; 16]),
        last: None,
        host: "host".to_owned(),
        program: "bench".to_owned(),
    };
    for number in 0..snapshots {
        clock.advance(INTERVAL);
        fs::write(tree.path().join("file"), format!("contents {number}")).unwrap();
        let snapshots = Some(Arc::new(list));
        let request = BackupRequest { snapshots, ..request(tree.path().to_owned()) };
        let report = backup(&bed.repository, &mut catalog, request, &Silent).unwrap();
        let snapshot = report.snapshot.unwrap();
        let completed = CompletedSnapshot::of(&snapshot).into_iter().collect();
        let events = LogEvents { completed, ..LogEvents::default() };
        book.append(&bed.repository, None, &mut author, events).unwrap();
        list = SnapshotList::of(vec![snapshot]);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let snapshots = arguments.next().unwrap().parse().unwrap();
    let key_file = arguments.next().unwrap();
    let delay = arguments.next().map_or(0, |text| text.parse().unwrap());
    let begin = SystemClock::new().now() - INTERVAL * (snapshots + 1);
    let clock = Arc::new(ManualClock::new(begin));
    let store = Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock)));
    let bed = Bed::with_clock(Arc::<MemoryStore>::clone(&store), 2, Arc::<ManualClock>::clone(&clock));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key_file).unwrap();
    file.write_all(write_key_file(bed.repository.id(), &key_file_secret()).as_bytes()).unwrap();
    fill(&bed, &clock, snapshots);
    let options =
        ServerOptions { threads: 2, delay: Duration::from_millis(delay), ..ServerOptions::default() };
    let server = TestServer::start(&options).unwrap();
    // Index objects contain the states of their originals, which are written again here.
    let objects = bed.wait(store.list("")).unwrap().into_iter();
    for object in objects.filter(|object| !object.key.starts_with(INDEX_PREFIX)) {
        let bytes = bed.wait(store.get(&object.key, None)).unwrap();
        let key = format!("repository/{}", object.key);
        server.plant("bucket", &key, &bytes);
        server.set_modified("bucket", &key, object.modified);
    }
    println!("export AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=SKTEST AWS_REGION=us-east-1");
    println!("export AWS_ENDPOINT_URL_S3={} ICECORE_REPOSITORY=s3://bucket/repository", server.url());
    println!("export ICECORE_KEY_FILE={key_file}");
    server.wait();
}
