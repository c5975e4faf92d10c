//! Builds small repositories straight from the format, independent of the write path.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use icecore_fixtures::snapshots;
use icecore_format::{
    chunk_list::ChunkListBuilder,
    compression::{Codec, Compressor},
    directory::ChunkInfo,
    entry::{ChunkListRef, ChunkRef, Content, Entry, EntryKind},
    header::{Header, Parameters},
    ids::{ChunkId, GroupId, PackName, RepositoryId, RunId},
    keys::{Keys, Secret},
    layout,
    limits::INLINE_CHUNKS_MAX,
    node::{Child, NodeBuilder},
    pack::PackBuilder,
    seal::ObjectKind,
    slot::{Credential, PasswordCost, seal_slot},
    snapshot::{Completion, DedupScope, Snapshot, SnapshotOrigin, SnapshotState},
};
use icecore_store::{
    MemoryStore, PutCondition, Store, StoreExt,
    environment::{ManualClock, SeededEntropy},
};

use crate::{
    CheckError, CheckOptions, CheckReport, Maintenance, MarkChange, NoEvents, ProblemKind, RepairEnvironment,
    RepairOutcome, RepairPlan, SnapshotCheck, check, plan_repair,
};

/// Length of the chunks of test files, in bytes.
pub(super) const CHUNK_BYTES: usize = 500;
const NODE_ITEMS: u32 = 4;

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(future)
}

pub(super) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(490_896)
}

pub(super) fn run(number: u8) -> RunId {
    RunId::new(1_767_225_600_000 + u64::from(number), [number; 10])
}

/// Bytes that do not compress and differ for each seed.
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// What a run stores, and how.
pub(super) struct Spec {
    pub run: RunId,
    pub group: GroupId,
    pub dedup: DedupScope,
    pub files: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Every chunk is its content and its id.
type Chunks = Vec<(ChunkId, Vec<u8>)>;

/// A repository in memory, and how to add to it.
pub(super) struct Repository {
    pub store: Arc<MemoryStore>,
    pub keys: Keys,
    drawn: u64,
    /// Chunks that do not have to be stored again, by kind and scope.
    known: HashSet<(u8, GroupId, ChunkId)>,
    numbers: BTreeMap<RunId, u32>,
    /// Maximum number of blocks in a pack.
    pub blocks_max: usize,
}

impl Repository {
    pub fn new() -> Self {
        Self::with_master(1)
    }

    pub fn with_master(master: u8) -> Self {
        let masters = BTreeMap::from([(0, Secret::new([master; 32]))]);
        let keys = Keys::derive(RepositoryId([master; 16]), masters).expect("keys");
        let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::new(now()))));
        let mut repository =
            Self { store, keys, drawn: 0, known: HashSet::new(), numbers: BTreeMap::new(), blocks_max: 3 };
        let header = Header {
            repository: repository.keys.repository(),
            parameters: Parameters { node_items: NODE_ITEMS, ..Parameters::default() },
            created_seconds: 0,
            program: "test".to_owned(),
            read_only: false,
            collections: false,
        };
        let salt = repository.salt();
        repository.put(layout::HEADER_KEY, header.seal(&repository.keys, &salt).expect("header"));
        repository.add_slot(1);
        repository
    }

    pub fn add_slot(&mut self, seed: u8) {
        let salt = self.salt();
        let credential = Credential::KeyFile(Secret::new([seed; 32]));
        let slot =
            seal_slot(&self.keys, &credential, PasswordCost::default(), "test", 0, &salt).expect("slot");
        self.put(&layout::slot_key(&slot), slot);
    }

    pub fn salt(&mut self) -> [u8; 32] {
        self.drawn += 1;
        *blake3::hash(&self.drawn.to_le_bytes()).as_bytes()
    }

    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        wait(self.store.create(key, Bytes::from(bytes))).expect("put");
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        wait(self.store.get(key, None)).expect("get").to_vec()
    }

    pub fn replace(&self, key: &str, bytes: Vec<u8>) {
        let (_, version) = wait(self.store.get_versioned(key)).expect("get");
        wait(self.store.put(key, Bytes::from(bytes), PutCondition::Version(version))).expect("replace");
    }

    pub fn delete(&self, key: &str) {
        wait(self.store.delete(key, None)).expect("delete");
    }

    pub fn keys_below(&self, prefix: &str) -> Vec<String> {
        wait(self.store.list(prefix)).expect("list").into_iter().map(|info| info.key).collect()
    }

    /// Returns an independent copy.
    pub fn fork(&self) -> Self {
        Self {
            store: Arc::new(self.store.fork()),
            keys: self.keys.clone(),
            drawn: self.drawn,
            known: self.known.clone(),
            numbers: self.numbers.clone(),
            blocks_max: self.blocks_max,
        }
    }

    /// Stores chunks that are not known yet in packs of `spec`, several to a block.
    pub fn store_chunks(&mut self, spec: &Spec, kind: ObjectKind, chunks: Chunks) {
        let scope = if spec.dedup == DedupScope::Group { spec.group } else { RunId([0; 16]) };
        let mut new = chunks;
        new.retain(|(id, _)| self.known.insert((kind as u8, scope, *id)));
        for pack in new.chunks(self.blocks_max * 4) {
            let number = self.numbers.entry(spec.run).or_default();
            let name = PackName { run: spec.run, number: *number };
            *number += 1;
            self.store_pack(name, kind, spec.group, pack);
        }
    }

    pub fn store_pack(
        &mut self,
        name: PackName,
        kind: ObjectKind,
        group: GroupId,
        chunks: &[(ChunkId, Vec<u8>)],
    ) {
        let salt = self.salt();
        let mut pack = PackBuilder::new(&self.keys, name, kind, group, salt, Vec::new()).expect("pack");
        let mut compressor = Compressor::new(1).expect("compressor");
        for block in chunks.chunks(4) {
            let plain: Vec<u8> = block.iter().flat_map(|(_, content)| content.clone()).collect();
            let infos: Vec<_> = block
                .iter()
                .map(|(id, content)| ChunkInfo { id: *id, length: content.len() as u32 })
                .collect();
            let mut packed = Vec::new();
            let codec = compressor.compress(&plain, &mut packed).expect("compress");
            let body = if codec == Codec::Raw { &plain } else { &packed };
            pack.push(codec, body, plain.len() as u32, &infos);
        }
        for block in pack.blocks_to_seal() {
            block.seal().expect("seal");
        }
        let finished = pack.finish().expect("finish");
        let salt = self.salt();
        let directory = finished.directory.seal(&self.keys, &salt).expect("directory");
        self.put(&layout::pack_key(kind, group, name), finished.bytes);
        self.put(&layout::directory_key(name), directory);
    }

    pub fn store_nodes(&mut self, spec: &Spec, raw: Vec<Vec<u8>>) {
        let chunks = raw.into_iter().map(|raw| (self.keys.node_id(&raw), raw)).collect();
        self.store_chunks(spec, ObjectKind::Manifest, chunks);
    }

    /// Stores the content of a file and returns the reference for an entry.
    pub fn store_content(&mut self, spec: &Spec, content: &[u8]) -> Content {
        let chunks = self.chunks_of(content);
        let content = self.refer_to(spec, &chunks);
        self.store_chunks(spec, ObjectKind::Data, chunks);
        content
    }

    fn chunks_of(&self, content: &[u8]) -> Chunks {
        content.chunks(CHUNK_BYTES).map(|part| (self.keys.chunk_id(part), part.to_vec())).collect()
    }

    fn refer_to(&mut self, spec: &Spec, chunks: &Chunks) -> Content {
        let refs: Vec<_> =
            chunks.iter().map(|(id, part)| ChunkRef { id: *id, length: part.len() as u32 }).collect();
        if refs.len() <= INLINE_CHUNKS_MAX {
            Content::Inline(refs)
        } else {
            Content::List(self.store_list(spec, &refs))
        }
    }

    /// Stores a chunk list whose leaves hold at most 20 chunks.
    fn store_list(&mut self, spec: &Spec, chunks: &[ChunkRef]) -> ChunkListRef {
        let mut raw = Vec::new();
        let mut nodes = Vec::new();
        for part in chunks.chunks(20) {
            let mut builder = ChunkListBuilder::new(0);
            for chunk in part {
                builder.push_chunk(*chunk);
            }
            let node = builder.finish(&self.keys).expect("list node");
            nodes.push(node.list);
            raw.push(node.raw);
        }
        let mut builder = ChunkListBuilder::new(1);
        for node in &nodes {
            builder.push_node(node);
        }
        let root = builder.finish(&self.keys).expect("list root");
        raw.push(root.raw);
        self.store_nodes(spec, raw);
        root.list
    }

    pub fn entries(&mut self, spec: &Spec) -> Vec<Entry> {
        let mut entries = vec![Entry::new(Vec::new(), EntryKind::Directory)];
        let chunks: Vec<_> = spec.files.values().map(|content| self.chunks_of(content)).collect();
        self.store_chunks(spec, ObjectKind::Data, chunks.concat());
        for ((path, content), chunks) in spec.files.iter().zip(&chunks) {
            let mut entry = Entry::new(path.clone(), EntryKind::File);
            entry.mode = 0o644;
            entry.size = content.len() as u64;
            entry.content = self.refer_to(spec, chunks);
            entries.push(entry);
        }
        entries.sort_by(|left, right| icecore_format::path::compare(&left.path, &right.path));
        entries
    }

    /// Encodes a manifest; returns its root, the root's level and all nodes.
    pub fn encode_manifest(&self, entries: &[Entry]) -> (Child, u8, Vec<Vec<u8>>) {
        let mut builder = NodeBuilder::new(0, NODE_ITEMS);
        let (mut raw, mut children) = (Vec::new(), Vec::new());
        for entry in entries {
            if builder.push_entry(&self.keys, entry, None, None).expect("entry") {
                let node = builder.finish(&self.keys).expect("leaf");
                raw.push(node.raw);
                children.push(node.child);
            }
        }
        if !builder.is_empty() || children.is_empty() {
            let node = builder.finish(&self.keys).expect("leaf");
            raw.push(node.raw);
            children.push(node.child);
        }
        let mut level = 0;
        while children.len() > 1 {
            level += 1;
            let mut builder = NodeBuilder::new(level, NODE_ITEMS);
            let mut parents = Vec::new();
            for child in &children {
                if builder.push_child(&self.keys, child).expect("child") {
                    let node = builder.finish(&self.keys).expect("inner");
                    raw.push(node.raw);
                    parents.push(node.child);
                }
            }
            if !builder.is_empty() {
                let node = builder.finish(&self.keys).expect("inner");
                raw.push(node.raw);
                parents.push(node.child);
            }
            children = parents;
        }
        (children.remove(0), level, raw)
    }

    /// Stores a complete snapshot.
    pub fn add_snapshot(&mut self, spec: &Spec) {
        let entries = self.entries(spec);
        self.add_snapshot_of(spec, &entries);
    }

    pub fn add_snapshot_of(&mut self, spec: &Spec, entries: &[Entry]) {
        let (root, level, raw) = self.encode_manifest(entries);
        self.store_nodes(spec, raw);
        self.complete(spec, &root, level);
    }

    pub fn complete(&mut self, spec: &Spec, root: &Child, level: u8) {
        let completion = Completion {
            root_node: root.id,
            root_level: level,
            totals: root.totals,
            ..snapshots::completion()
        };
        self.put_snapshot(spec, SnapshotState::Complete(completion));
    }

    pub fn put_snapshot(&mut self, spec: &Spec, state: SnapshotState) {
        let origin = SnapshotOrigin {
            source: "home".to_owned(),
            host: "test".to_owned(),
            root: b"/home".to_vec(),
            dedup: spec.dedup,
            group: spec.group,
            program: "test".to_owned(),
            ..snapshots::origin(spec.run)
        };
        let salt = self.salt();
        let object = Snapshot { origin, state }.seal(&self.keys, &salt).expect("snapshot");
        self.put(&layout::snapshot_key(spec.run), object);
    }

    pub fn options() -> CheckOptions {
        CheckOptions { concurrency: 4, memory_bytes_max: 1 << 20, ..CheckOptions::new(now()) }
    }

    /// Checks the structure.
    pub fn check(&self) -> CheckReport {
        self.check_with(&Self::options())
    }

    /// Checks the structure and reads all packs.
    pub fn check_data(&self) -> CheckReport {
        self.check_with(&CheckOptions { read_data: true, ..Self::options() })
    }

    pub fn check_with(&self, options: &CheckOptions) -> CheckReport {
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        wait(check(store, &self.keys, options, &NoEvents, &AtomicBool::new(false))).expect("check")
    }
}

/// Result of a whole repair.
#[derive(Debug)]
pub(super) struct Repaired {
    pub outcome: RepairOutcome,
    /// The check after all steps.
    pub after: CheckReport,
    pub marks: Vec<MarkChange>,
}

impl Repository {
    /// Reads everything and plans a repair.
    pub fn plan(&self) -> (CheckReport, RepairPlan) {
        let options = CheckOptions { read_data: true, ..Self::options() };
        self.plan_with(&options, &[])
    }

    pub fn plan_with(&self, options: &CheckOptions, copies: &[Vec<u8>]) -> (CheckReport, RepairPlan) {
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        let cancel = AtomicBool::new(false);
        let planning = plan_repair(store, &self.keys, options, copies, &NoEvents, &cancel);
        wait(planning).expect("plan")
    }

    /// Executes a plan on `store`, which is this repository's or wraps it.
    pub fn execute_on(&self, store: Arc<dyn Store>, plan: &RepairPlan) -> Result<Repaired, CheckError> {
        let environment = RepairEnvironment {
            clock: Arc::new(ManualClock::new(now())),
            entropy: Arc::new(SeededEntropy::new(self.keys_below("").len() as u64)),
            pool: None,
            host: "test".to_owned(),
            program: "test".to_owned(),
        };
        let cancel = AtomicBool::new(false);
        wait(async {
            let mut maintenance = Maintenance::begin(Arc::clone(&store), &self.keys, environment).await?;
            let outcome = maintenance.execute(plan, &NoEvents, &cancel).await?;
            let after = check(store, &self.keys, &Self::options(), &NoEvents, &cancel).await?;
            let marks = maintenance.mark(&after).await?;
            maintenance.finish("done").await?;
            Ok(Repaired { outcome, after, marks })
        })
    }

    /// Plans and executes a repair.
    pub fn repair(&self) -> Repaired {
        let (_, plan) = self.plan();
        self.execute_on(Arc::clone(&self.store) as _, &plan).expect("repair")
    }
}

/// The usual small repository: two snapshots of 30 files that share most of them, one file with a long chunk
/// list.
pub(super) fn usual() -> Repository {
    let mut repository = Repository::new();
    repository.add_slot(2);
    let mut spec = usual_spec(1);
    repository.add_snapshot(&spec);
    spec.run = run(2);
    spec.files.insert(b"file-03".to_vec(), noise(1_000, 900));
    spec.files.insert(b"new".to_vec(), b"text that compresses ".repeat(60));
    repository.add_snapshot(&spec);
    repository
}

pub(super) fn usual_spec(number: u8) -> Spec {
    let mut files: BTreeMap<_, _> = (0..30)
        .map(|index| (format!("file-{index:02}").into_bytes(), noise(index, 400 + 100 * index as usize)))
        .collect();
    files.insert(b"long".to_vec(), noise(500, CHUNK_BYTES * 70));
    Spec { run: run(number), group: run(number), dedup: DedupScope::Repository, files }
}

/// Kinds of all problems, without repetition.
pub(super) fn kinds(report: &CheckReport) -> Vec<ProblemKind> {
    let mut kinds: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

pub(super) fn snapshot(report: &CheckReport, wanted: RunId) -> &SnapshotCheck {
    report.snapshots.iter().find(|snapshot| snapshot.run == wanted).expect("snapshot")
}

/// Receiver that records everything.
#[derive(Default)]
pub(super) struct Recorder {
    pub lines: Mutex<Vec<String>>,
}

impl crate::CheckEvents for Recorder {
    fn phase_begins(&self, phase: crate::CheckPhase, total: Option<u64>) {
        self.lines.lock().expect("lock").push(format!("phase {} {total:?}", phase.name()));
    }

    fn progress(&self, objects: u64, bytes: u64) {
        self.lines.lock().expect("lock").push(format!("progress {objects} {}", bytes > 0));
    }

    fn problem_found(&self, problem: &crate::CheckProblem) {
        self.lines.lock().expect("lock").push(format!("problem {}", problem.kind));
    }
}
