//! Writes a small repository into a directory, for trying readers.
#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "scratch")]
use std::{collections::BTreeMap, fs, path::Path};

use icecore_format::{
    chunk_list::ChunkListBuilder,
    chunker::{Chunker, ChunkerParameters},
    compression::Compressor,
    directory::ChunkInfo,
    entry::*,
    header::{Header, Parameters},
    ids::*,
    keys::{Keys, Secret},
    layout,
    node::{Child, NodeBuilder},
    pack::PackBuilder,
    path,
    seal::{ObjectKind, Salt},
    slot::{Credential, PasswordCost, seal_slot, write_key_file},
    snapshot::*,
};

struct Random(blake3::OutputReader);
impl Random {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill(&mut out);
        out
    }
}

struct Writer<'a> {
    keys: &'a Keys,
    root: &'a Path,
    run: RunId,
    number: u32,
    kind: ObjectKind,
    random: &'a mut Random,
    pending: Vec<(ChunkId, Vec<u8>)>,
    seen: std::collections::HashSet<ChunkId>,
}

fn put(root: &Path, key: &str, bytes: &[u8]) {
    let target = root.join(key);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, bytes).unwrap();
}

impl Writer<'_> {
    fn add(&mut self, content: &[u8]) -> ChunkId {
        let id = self.keys.id_for_kind(self.kind, content);
        if self.seen.insert(id) {
            self.pending.push((id, content.to_vec()));
        }
        id
    }
    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let name = PackName { run: self.run, number: self.number };
        self.number += 1;
        let salt: Salt = self.random.bytes();
        let mut builder = PackBuilder::new(self.keys, name, self.kind, self.run, salt, Vec::new()).unwrap();
        let mut compressor = Compressor::new(3).unwrap();
        for group in self.pending.chunks(7) {
            let plain: Vec<u8> = group.iter().flat_map(|(_, content)| content.clone()).collect();
            let infos: Vec<ChunkInfo> = group
                .iter()
                .map(|(id, content)| ChunkInfo { id: *id, length: content.len() as u32 })
                .collect();
            let mut out = Vec::new();
            let codec = compressor.compress(&plain, &mut out).unwrap();
            let body = if out.is_empty() { &plain } else { &out };
            builder.push(codec, body, plain.len() as u32, &infos);
        }
        for block in builder.blocks_to_seal() {
            block.seal().unwrap();
        }
        let finished = builder.finish().unwrap();
        put(self.root, &layout::pack_key(self.kind, self.run, name), &finished.bytes);
        let salt: Salt = self.random.bytes();
        put(self.root, &layout::directory_key(name), &finished.directory.seal(self.keys, &salt).unwrap());
        self.pending.clear();
    }
}

fn main() {
    let root = std::env::args().nth(1).unwrap();
    let root = Path::new(&root);
    let mut random = Random(blake3::Hasher::new().update(b"sample").finalize_xof());
    let repository = RepositoryId(random.bytes());
    let keys = Keys::derive(repository, BTreeMap::from([(0, Secret::new(random.bytes()))])).unwrap();
    let secret = Secret::new(random.bytes());
    let parameters = Parameters {
        chunker: ChunkerParameters { minimum: 1024, average: 4096, maximum: 16384 },
        block_bytes: 64 << 10,
        node_items: 4,
    };
    let header =
        Header { repository, parameters, created_seconds: 1_790_000_000, program: "sample 1".into() };
    put(root, layout::HEADER_KEY, &header.seal(&keys, &random.bytes()).unwrap());
    let file_slot = seal_slot(
        &keys,
        &Credential::KeyFile(secret.clone()),
        PasswordCost::default(),
        "file",
        1,
        &random.bytes(),
    )
    .unwrap();
    put(root, &layout::slot_key(&file_slot), &file_slot);
    let password = Credential::Password(b"correct horse".to_vec().into());
    let word_slot = seal_slot(&keys, &password, PasswordCost::FLOOR, "word", 2, &random.bytes()).unwrap();
    put(root, &layout::slot_key(&word_slot), &word_slot);
    fs::write(root.with_extension("key"), write_key_file(repository, &secret).as_bytes()).unwrap();
    fs::write(root.with_extension("password"), b"correct horse\n").unwrap();

    let run = RunId::new(1_795_000_000_123, random.bytes());
    let chunker = Chunker::new(&keys, parameters.chunker).unwrap();
    let (mut chunk_rng, mut node_rng) = (
        Random(blake3::Hasher::new().update(b"salts 1").finalize_xof()),
        Random(blake3::Hasher::new().update(b"salts 2").finalize_xof()),
    );
    let mut data = Writer {
        keys: &keys,
        root,
        run,
        number: 0,
        kind: ObjectKind::Data,
        random: &mut chunk_rng,
        pending: vec![],
        seen: Default::default(),
    };
    let mut nodes = Writer {
        keys: &keys,
        root,
        run,
        number: 100,
        kind: ObjectKind::Manifest,
        random: &mut node_rng,
        pending: vec![],
        seen: Default::default(),
    };

    let mut entries: Vec<Entry> = Vec::new();
    let mut base = |path: &[u8], kind| {
        let mut entry = Entry::new(path.to_vec(), kind);
        entry.mode = if kind == EntryKind::Directory { 0o755 } else { 0o640 };
        entry.modified = Time { seconds: 1_234_567_890 - path.len() as i64, nanoseconds: 123_456_789 };
        entry.changed = entry.modified;
        entry.user_id = 1000;
        entry.group_id = 100;
        entry
    };
    let mut file = |entry: &mut Entry, content: &[u8], data: &mut Writer<'_>, nodes: &mut Writer<'_>| {
        entry.size = content.len() as u64 + entry.hole_bytes();
        let mut chunks = Vec::new();
        let mut rest = content;
        while !rest.is_empty() {
            let length = chunker.cut(rest);
            chunks.push(ChunkRef { id: data.add(&rest[..length]), length: length as u32 });
            rest = &rest[length..];
        }
        entry.content = if chunks.len() <= 32 {
            Content::Inline(chunks)
        } else {
            let mut builder = ChunkListBuilder::new(0);
            let mut level = Vec::new();
            for (index, chunk) in chunks.iter().enumerate() {
                if builder.push_chunk(*chunk) || index + 1 == chunks.len() {
                    let node = builder.finish(&keys).unwrap();
                    nodes.add(&node.raw);
                    level.push(node.list);
                }
            }
            let mut height = 0;
            while level.len() > 1 || height < 1 {
                height += 1;
                let mut builder = ChunkListBuilder::new(height);
                let mut above = Vec::new();
                for (index, node) in level.iter().enumerate() {
                    if builder.push_node(node) || index + 1 == level.len() {
                        let node = builder.finish(&keys).unwrap();
                        nodes.add(&node.raw);
                        above.push(node.list);
                    }
                }
                level = above;
            }
            Content::List(level[0])
        };
        entry.validate().unwrap();
    };
    entries.push(base(b"", EntryKind::Directory));
    entries.push(base(b"dir", EntryKind::Directory));
    entries.push(base(b"dir/sub", EntryKind::Directory));
    for index in 0..60 {
        let mut entry = base(format!("dir/sub/file-{index:03}.txt").as_bytes(), EntryKind::File);
        let text = format!("line {index} of many\n").repeat(index * 13);
        file(&mut entry, text.as_bytes(), &mut data, &mut nodes);
        entries.push(entry);
    }
    let mut big = vec![0; 3_000_000];
    random.0.fill(&mut big);
    let mut entry = base(b"dir/big.bin", EntryKind::File);
    file(&mut entry, &big, &mut data, &mut nodes);
    entries.push(entry);
    let mut entry = base(b"dir-x", EntryKind::File);
    entry.mode = 0o4755;
    entry.attributes = vec![(b"user.note".to_vec(), b"hello\0world".to_vec())];
    file(&mut entry, b"setuid\n", &mut data, &mut nodes);
    entries.push(entry);
    let mut entry = base(b"sparse", EntryKind::File);
    entry.holes =
        vec![Hole { offset: 0, length: 1 << 20 }, Hole { offset: (1 << 20) + 5000, length: 1 << 20 }];
    file(&mut entry, &big[..5000], &mut data, &mut nodes);
    entries.push(entry);
    for name in ["link-a", "link-b"] {
        let mut entry = base(name.as_bytes(), EntryKind::File);
        entry.link_device = Some(0);
        entry.inode = 77;
        entry.modified.seconds = 5;
        file(&mut entry, b"linked", &mut data, &mut nodes);
        entries.push(entry);
    }
    let mut entry = base(b"\xff\xfe name", EntryKind::File);
    entry.modified = Time { seconds: -1, nanoseconds: 500_000_000 };
    file(&mut entry, b"", &mut data, &mut nodes);
    entries.push(entry);
    let mut entry = base(b"unreadable", EntryKind::File);
    entry.size = 99;
    entry.marks = Marks::UNREADABLE;
    entries.push(entry);
    let mut entry = base(b"symlink", EntryKind::Symlink);
    entry.target = b"../nowhere/\xff".to_vec();
    entry.mode = 0o777;
    entries.push(entry);
    entries.push(base(b"fifo", EntryKind::Fifo));
    entries.sort_by(|left, right| path::compare(&left.path, &right.path));
    data.flush();

    let mut builder = NodeBuilder::new(0, 4);
    let mut level: Vec<Child> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if builder.push_entry(&keys, entry, Some(b"alice"), None).unwrap() || index + 1 == entries.len() {
            let node = builder.finish(&keys).unwrap();
            nodes.add(&node.raw);
            level.push(node.child);
        }
    }
    let mut height = 0;
    while level.len() > 1 {
        height += 1;
        let mut builder = NodeBuilder::new(height, 4);
        let mut above = Vec::new();
        for (index, child) in level.iter().enumerate() {
            if builder.push_child(&keys, child).unwrap() || index + 1 == level.len() {
                let node = builder.finish(&keys).unwrap();
                nodes.add(&node.raw);
                above.push(node.child);
            }
        }
        level = above;
    }
    nodes.flush();
    let origin = SnapshotOrigin {
        run,
        source: "home".into(),
        host: "host".into(),
        root: b"/home".to_vec(),
        command: vec![],
        started: Time { seconds: 1_795_000_000, nanoseconds: 123_000_000 },
        level: Level::Full,
        dedup: DedupScope::Repository,
        group: run,
        base: None,
        tags: BTreeMap::from([("plan".into(), "weekly".into())]),
        program: "sample 1".into(),
    };
    let snapshot = Snapshot {
        origin: origin.clone(),
        state: SnapshotState::Complete(Completion {
            finished: Time { seconds: 1_795_000_100, nanoseconds: 0 },
            root_node: level[0].id,
            root_level: height,
            totals: level[0].totals,
            errors: 1,
            condemned_epoch: 0,
            statistics: SnapshotStatistics::default(),
        }),
    };
    put(root, &layout::snapshot_key(run), &snapshot.seal(&keys, &random.bytes()).unwrap());
    let other = RunId::new(1_795_000_999_000, random.bytes());
    let pending = Snapshot {
        origin: SnapshotOrigin { run: other, ..origin },
        state: SnapshotState::Pending { refreshed: Time::default() },
    };
    put(root, &layout::snapshot_key(other), &pending.seal(&keys, &random.bytes()).unwrap());
    println!("{run} {} levels, {} entries", height + 1, entries.len());
}
