//! Makes an artificial repository of many snapshots and many chunks in a directory. It is used to measure how
//! long the removal of unused packs takes to plan, and how much memory it needs.
//!
//! Arguments: the directory, the key file to write (neither may exist), the number of sources, of snapshots
//! of each source, and of files of each source. Each file is one small chunk. From one snapshot of a source
//! to the next, one file in a hundred changes. Each source has a group of its own. Every snapshot has a
//! record in the log.
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]
#![expect(clippy::print_stdout, reason = "the output of a command-line program")]

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration};

use icecore_benches::bed::{Bed, key_file_secret};
use icecore_catalog::Catalog;
use icecore_format::{
    entry::{ChunkRef, Content, Entry, EntryKind},
    ids::{GroupId, WriterId},
    log::CompletedSnapshot,
    seal::ObjectKind,
    slot::write_key_file,
    snapshot::DedupScope,
};
use icecore_repo::{
    log::{LogAuthor, LogBook, LogEvents},
    manifest::ManifestWriter,
    session::{CommitReport, SessionOrigin, WriteOptions, WriteSession},
};
use icecore_store::{
    environment::{Clock, ManualClock, SystemClock},
    local::LocalStore,
};

/// Time between snapshots.
const INTERVAL: Duration = Duration::from_mins(1);
/// One in so many files changes from one snapshot to the next.
const CHANGES: usize = 100;

/// Makes one snapshot; `round` is its number among those of its source.
fn snapshot(
    bed: &Bed,
    catalog: &mut Catalog,
    source: usize,
    round: usize,
    files: usize,
    group: Option<GroupId>,
) -> icecore_format::snapshot::Snapshot {
    let name = format!("source{source:04}");
    let origin = SessionOrigin {
        dedup: DedupScope::Group,
        group,
        sequence: round as u64 + 1,
        ..SessionOrigin::first_full(&name, "host", b"/source", "bench")
    };
    let mut session =
        WriteSession::begin(bed.repository.clone(), catalog, origin, WriteOptions::default()).unwrap();
    let mut writer = ManifestWriter::new(bed.repository.header().parameters.node_items);
    for file in 0..files {
        // The round in which the file changed last.
        let changed = (1..=round).rev().find(|round| (file + round * 7919) % CHANGES == 0).unwrap_or(0);
        let seed = ((source * 1_000 + changed) * 1_000_000 + file) as u64;
        let content = [seed.to_le_bytes(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()].concat();
        let id = bed.repository.keys().chunk_id(&content);
        session.add_chunk(ObjectKind::Data, id, &content).unwrap();
        let mut entry = Entry::new(format!("file{file:08}").into_bytes(), EntryKind::File);
        entry.size = content.len() as u64;
        entry.content = Content::Inline(vec![ChunkRef { id, length: content.len() as u32 }]);
        writer.push(&mut session, &entry, None, None).unwrap();
    }
    let root = writer.finish(&mut session).unwrap();
    session.commit(&root, &CommitReport::default()).unwrap().0
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (directory, key_file) = (arguments.next().unwrap(), arguments.next().unwrap());
    let [sources, rounds, files] = [(); 3].map(|()| arguments.next().unwrap().parse::<usize>().unwrap());
    let begin = SystemClock::new().now() - INTERVAL * (sources * rounds + 1) as u32;
    let clock = Arc::new(ManualClock::new(begin));
    let store = Arc::new(LocalStore::create(Path::new(&directory)).unwrap());
    let bed = Bed::with_clock(store, 2, Arc::<ManualClock>::clone(&clock));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key_file).unwrap();
    file.write_all(write_key_file(bed.repository.id(), &key_file_secret()).as_bytes()).unwrap();
    let mut catalog = bed.catalog();
    let mut book = LogBook::default();
    let mut author = LogAuthor {
        writer: WriterId([7; 16]),
        last: None,
        host: "host".to_owned(),
        program: "bench".to_owned(),
    };
    let mut groups: Vec<Option<GroupId>> = vec![None; sources];
    for round in 0..rounds {
        for (source, group) in groups.iter_mut().enumerate() {
            clock.advance(INTERVAL);
            let snapshot = snapshot(&bed, &mut catalog, source, round, files, *group);
            *group = Some(snapshot.origin.group);
            let completed = CompletedSnapshot::of(&snapshot).into_iter().collect();
            let events = LogEvents { completed, ..LogEvents::default() };
            book.append(&bed.repository, None, &mut author, events).unwrap();
        }
        println!("{} snapshots", (round + 1) * sources);
    }
}
