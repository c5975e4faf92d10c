//! Writes repositories with the right key and wrong content, directly into a directory.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf};

use icecore_fixtures::snapshots;
use icecore_format::{
    compression::{Codec, Compressor},
    directory::ChunkInfo,
    entry::Time,
    header::{Header, Parameters},
    ids::{ChunkId, PackName, RepositoryId, RunId},
    keys::{Keys, Secret},
    layout,
    node::Totals,
    pack::PackBuilder,
    seal::{ObjectKind, Salt},
    slot::{Credential, PasswordCost, seal_slot, write_key_file},
    snapshot::{Completion, Snapshot, SnapshotOrigin, SnapshotState},
};

use super::record::{Item, List, NodeBytes, leaf, list_node};
use crate::harness::Sandbox;

/// Maximum number of chunks of a block.
const BLOCK_CHUNKS_MAX: usize = 64;
const BLOCK_BYTES_MAX: usize = 16 << 20;

/// The root of a manifest in a snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) node: ChunkId,
    pub(super) level: u8,
    pub(super) totals: Totals,
}

/// A repository in a sandbox, written by a malicious owner of its key.
pub(super) struct Forge<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) keys: Keys,
    /// Origin of the next snapshot; can be changed as needed.
    pub(super) origin: SnapshotOrigin,
    drawn: u64,
    packs: u32,
    /// Chunks that go into the next pack, by kind.
    queued: BTreeMap<u8, Vec<(ChunkId, Vec<u8>)>>,
}

impl<'a> Forge<'a> {
    /// Makes a repository with an empty snapshot.
    pub(super) fn new(sandbox: &'a Sandbox) -> Self {
        let masters = BTreeMap::from([(0, Secret::new([7; 32]))]);
        let keys = Keys::derive(RepositoryId([1; 16]), masters).unwrap();
        let origin = origin(sandbox);
        let mut forge = Self { sandbox, keys, origin, drawn: 0, packs: 0, queued: BTreeMap::new() };
        forge.write_keys();
        let header = Header {
            repository: forge.keys.repository(),
            parameters: Parameters::default(),
            created_seconds: 0,
            program: "forge".to_owned(),
            read_only: false,
            collections: false,
        };
        let salt = forge.salt();
        forge.put(layout::HEADER_KEY, &header.seal(&forge.keys, &salt).unwrap());
        forge.snapshot(&[]);
        forge.begin_run();
        forge
    }

    fn write_keys(&mut self) {
        let (secret, salt) = (Secret::new([3; 32]), self.salt());
        let credential = Credential::KeyFile(secret.clone());
        let slot = seal_slot(&self.keys, &credential, PasswordCost::default(), "forge", 0, &salt).unwrap();
        self.put(&layout::slot_key(&slot), &slot);
        let path = self.sandbox.path(&format!("home/config/icecore/keys/{}.key", self.keys.repository()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, write_key_file(self.keys.repository(), &secret).as_bytes()).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn salt(&mut self) -> Salt {
        self.drawn += 1;
        *blake3::hash(&self.drawn.to_le_bytes()).as_bytes()
    }

    pub(super) fn object_path(&self, key: &str) -> PathBuf {
        self.sandbox.repository().join(key)
    }

    /// Writes an object, and replaces an existing one.
    pub(super) fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.object_path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Makes an object of this length without writing it.
    pub(super) fn put_sparse(&self, key: &str, length: u64) {
        self.put(key, b"");
        fs::OpenOptions::new().write(true).open(self.object_path(key)).unwrap().set_len(length).unwrap();
    }

    /// Begins another run.
    pub(super) fn begin_run(&mut self) {
        let milliseconds = self.origin.run.unix_milliseconds() + 1000;
        self.origin.run = RunId::new(milliseconds, [9; 10]);
        self.origin.started.seconds += 1;
        self.packs = 0;
    }

    /// Stores a data chunk with the next pack.
    pub(super) fn chunk(&mut self, content: &[u8]) -> (ChunkId, u64) {
        let id = self.keys.chunk_id(content);
        self.queue(ObjectKind::Data, id, content);
        (id, content.len() as u64)
    }

    /// Stores a node, of a manifest or chunk list, with the next pack.
    pub(super) fn node(&mut self, raw: &[u8]) -> ChunkId {
        let id = self.keys.node_id(raw);
        self.queue(ObjectKind::Manifest, id, raw);
        id
    }

    /// Stores a node of a chunk list.
    pub(super) fn list(&mut self, level: u8, items: &[(ChunkId, u64, u64)]) -> List {
        let id = self.node(&list_node(level, items));
        let bytes = items.iter().map(|(_, bytes, _)| bytes).sum();
        List { id, level, chunks: items.iter().map(|(.., chunks)| chunks).sum(), bytes }
    }

    pub(super) fn queue(&mut self, kind: ObjectKind, id: ChunkId, content: &[u8]) {
        let queue = self.queued.entry(kind as u8).or_default();
        if queue.iter().all(|(queued, _)| *queued != id) {
            queue.push((id, content.to_vec()));
        }
    }

    /// Writes what was queued into a pack for each kind.
    pub(super) fn flush(&mut self) {
        for (kind, chunks) in std::mem::take(&mut self.queued) {
            self.pack(ObjectKind::from_number(kind).unwrap(), &chunks);
        }
    }

    fn pack(&mut self, kind: ObjectKind, chunks: &[(ChunkId, Vec<u8>)]) {
        let mut pack = self.builder(kind);
        let mut compressor = Compressor::new(1).unwrap();
        let mut rest = chunks;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take(BLOCK_CHUNKS_MAX).take_while(|(_, content)| {
                bytes += content.len();
                bytes <= BLOCK_BYTES_MAX
            });
            let (block, remaining) = rest.split_at(fitting.count().max(1));
            rest = remaining;
            let plain: Vec<u8> = block.iter().flat_map(|(_, content)| content.clone()).collect();
            let infos = block.iter().map(|(id, content)| ChunkInfo { id: *id, length: content.len() as u32 });
            let infos: Vec<_> = infos.collect();
            let mut packed = Vec::new();
            let codec = compressor.compress(&plain, &mut packed).unwrap();
            let body = if codec == Codec::Raw { &plain } else { &packed };
            pack.push(codec, body, plain.len() as u32, &infos);
        }
        self.finish(pack, kind);
    }

    /// Begins a pack of this run.
    pub(super) fn builder(&mut self, kind: ObjectKind) -> PackBuilder {
        let name = PackName { run: self.origin.run, number: self.packs };
        self.packs += 1;
        let salt = self.salt();
        PackBuilder::new(&self.keys, name, kind, self.origin.group, salt, Vec::new()).unwrap()
    }

    /// Writes a pack and its directory.
    pub(super) fn finish(&mut self, mut pack: PackBuilder, kind: ObjectKind) {
        for block in pack.blocks_to_seal() {
            block.seal().unwrap();
        }
        let finished = pack.finish().unwrap();
        let (salt, name) = (self.salt(), finished.directory.pack);
        self.put(&layout::pack_key(kind, self.origin.group, name), &finished.bytes);
        self.put(&layout::directory_key(name), &finished.directory.seal(&self.keys, &salt).unwrap());
    }

    /// Stores a node and returns it as a root.
    pub(super) fn root(&mut self, node: &NodeBytes) -> Root {
        Root { node: self.node(&node.raw), level: node.level, totals: node.totals }
    }

    /// Completes a snapshot of one leaf, with the root directory before `items`.
    pub(super) fn snapshot(&mut self, items: &[Item]) {
        let root = Item::new("", super::record::DIRECTORY);
        let node = leaf(&[&[root], items].concat());
        let root = self.root(&node);
        self.complete(root);
    }

    /// Completes a snapshot.
    pub(super) fn complete(&mut self, root: Root) {
        self.flush();
        let completion = Completion {
            finished: self.origin.started,
            root_node: root.node,
            root_level: root.level,
            totals: root.totals,
            ..snapshots::completion()
        };
        let salt = self.salt();
        let snapshot = Snapshot { origin: self.origin.clone(), state: SnapshotState::Complete(completion) };
        let object = snapshot.seal(&self.keys, &salt).unwrap();
        self.put(&layout::snapshot_key(self.origin.run), &object);
    }
}

/// Returns zeros, compressed: a bomb.
pub(super) fn compressed_zeros(length: usize) -> Vec<u8> {
    let mut compressed = Vec::new();
    Compressor::new(1).unwrap().compress(&vec![0; length], &mut compressed).unwrap();
    compressed
}

/// Returns the origin of a backup of the sandbox's source on this host.
fn origin(sandbox: &Sandbox) -> SnapshotOrigin {
    let run = RunId::new(1_767_225_600_000, [8; 10]);
    SnapshotOrigin {
        source: "source".to_owned(),
        host: fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned(),
        root: sandbox.source("").into_os_string().into_encoded_bytes(),
        started: Time { seconds: 1_767_225_600, nanoseconds: 0 },
        program: "forge".to_owned(),
        ..snapshots::origin(run)
    }
}
