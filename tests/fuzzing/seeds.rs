//! The seeds of the fuzz targets: the objects of the golden repositories, decrypted if the targets seal them
//! again, and the examples of references, patterns and configuration files in the documents.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chacha20poly1305::aead::AeadInOut;
use icecore_catalog::directory_row;
use icecore_format::{
    bundle::{self, BundleWriter, BundledRecord},
    chunk_list::ChunkListBuilder,
    collection::{CollectedPack, CollectionRecord, CollectionState, DeadRun},
    compression::{Codec, Compressor},
    directory::PackDirectory,
    entry::{ChunkRef, Content, Time},
    ids::{ChunkId, CollectionNumber, PackName, RecordHash, RecordName, RunId, SnapshotDigest, WriterId},
    index_object::{self, ObjectCopy},
    keys::Keys,
    layout,
    log::{CompletedSnapshot, DeletedSnapshot, HeldSnapshot, LogRecord, RecordReference},
    node::{Node, NodeItems},
    pack::BlockOpener,
    seal::{ObjectKind, SEAL_HEADER_BYTES, open_object},
    slot::{Credential, open_slot, read_key_file},
};

use super::{keys, stored};

/// Seeds of one target, by its name.
pub type Seeds = Vec<(&'static str, Vec<u8>)>;

/// What can go wrong with the golden repositories.
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// Returns the seeds of all targets.
///
/// Fails if a golden repository cannot be read.
pub fn all() -> Fallible<Seeds> {
    let mut seeds = Seeds::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for version in fs::read_dir(golden)? {
        let directory = version?.path();
        if directory.is_dir() {
            Golden::open(&directory)?.add_to(&mut seeds)?;
        }
    }
    add_made_up(&mut seeds)?;
    add_log_record(&mut seeds)?;
    add_index_object(&mut seeds)?;
    add_collection_record(&mut seeds)?;
    add_bundle(&mut seeds)?;
    add_written(&mut seeds);
    seeds.sort();
    seeds.dedup();
    Ok(seeds)
}

/// Adds a record of the log with something in every list.
fn add_log_record(seeds: &mut Seeds) -> Fallible<()> {
    let name = RecordName { writer: WriterId([1; 16]), sequence: 2 };
    let reference = RecordReference { name: RecordName { sequence: 1, ..name }, hash: RecordHash([2; 32]) };
    let completed = CompletedSnapshot {
        run: RunId([3; 16]),
        digest: SnapshotDigest([4; 32]),
        source: "home".to_owned(),
        host: "server".to_owned(),
        started: Time::default(),
    };
    let deleted = DeletedSnapshot { run: RunId([5; 16]), reason: "old".to_owned(), time: Time::default() };
    let record = LogRecord {
        references: vec![reference],
        completed: vec![completed],
        deleted: vec![deleted],
        lost_records: vec![reference],
        lost_snapshots: vec![RunId([6; 16])],
        holds: vec![HeldSnapshot { run: RunId([7; 16]), until_seconds: Some(1), reason: "audit".to_owned() }],
        releases: vec![RunId([8; 16])],
        ..LogRecord::new(name, Time::default(), "server", "icecore")
    };
    let record = open_object(keys(), ObjectKind::Log, &record.seal(keys(), &[7; 32])?)?;
    let sequence = name.sequence.to_le_bytes();
    seeds.push(("log_record", [&name.writer.0, sequence.as_slice(), &record].concat()));
    Ok(())
}

/// Adds an index object with two copies.
fn add_index_object(seeds: &mut Seeds) -> Fallible<()> {
    let copies = ["meta/packs/1", "meta/snapshots/2"].map(|key| ObjectCopy {
        key: key.to_owned(),
        version: "version".to_owned(),
        bytes: vec![3; 40],
    });
    let object = index_object::seal(&copies, keys(), &[7; 32])?;
    seeds.push(("index_object", open_object(keys(), ObjectKind::Index, &object)?));
    Ok(())
}

/// Adds the record of a collection with something in every list.
fn add_collection_record(seeds: &mut Seeds) -> Fallible<()> {
    let run = RunId([1; 16]);
    let number = CollectionNumber::FIRST;
    let record = CollectionRecord {
        number,
        state: CollectionState::Condemned,
        run,
        written: Time::default(),
        host: "server".to_owned(),
        packs: vec![CollectedPack {
            name: PackName { run, number: 2 },
            kind: ObjectKind::Data,
            group: run,
            bytes: 3,
            pack_version: Some("version".to_owned()),
            directory_version: Some("other".to_owned()),
            is_repacked: false,
        }],
        deleted: vec![RunId([4; 16])],
        waiting: Some(vec![RunId([5; 16])]),
        dead_runs: vec![DeadRun { run: RunId([6; 16]), usable: vec![7] }],
        cleared_runs: vec![RunId([8; 16])],
    };
    let record = open_object(keys(), ObjectKind::Collection, &record.seal(keys(), &[7; 32])?)?;
    seeds.push(("collection_record", [&number.get().to_le_bytes(), record.as_slice()].concat()));
    Ok(())
}

/// Adds a bundle with two records.
fn add_bundle(seeds: &mut Seeds) -> Fallible<()> {
    let mut writer = BundleWriter::default();
    for key in ["meta/log/1", "meta/snapshots/2"] {
        writer.push(&BundledRecord {
            key,
            version: "version",
            hash: RecordHash([4; 32]),
            record: &[3; 40],
        })?;
    }
    seeds.push(("bundle", bundle::open(keys(), &writer.seal(keys(), &[7; 32])?)?));
    Ok(())
}

/// Writes the seeds as the corpora of libFuzzer: a directory for each target, a file for each seed.
pub fn write(directory: &Path) -> Fallible<()> {
    for (target, seed) in all()? {
        let corpus = directory.join(target);
        fs::create_dir_all(&corpus)?;
        fs::write(corpus.join(&*blake3::hash(&seed).to_hex()), seed)?;
    }
    Ok(())
}

/// A golden repository and its keys.
struct Golden {
    repository: PathBuf,
    key_file: String,
    keys: Keys,
}

impl Golden {
    fn open(directory: &Path) -> Fallible<Self> {
        let repository = directory.join("repository");
        let key_file = fs::read_to_string(directory.join("key"))?;
        let (_, secret) = read_key_file(&key_file)?;
        let slot = fs::read(files(&repository.join(layout::KEYS_PREFIX))?.remove(0))?;
        let keys = open_slot(&slot, &Credential::KeyFile(secret))?;
        Ok(Self { repository, key_file, keys })
    }

    fn add_to(&self, seeds: &mut Seeds) -> Fallible<()> {
        seeds.push(("key_file", self.key_file.clone().into_bytes()));
        let header = fs::read(self.repository.join(layout::HEADER_KEY))?;
        // The plain part has 40 bytes.
        seeds.push(("header_record", open_object(&self.keys, ObjectKind::Header, &header[40..])?));
        seeds.push(("header", header));
        for path in files(&self.repository.join(layout::KEYS_PREFIX))? {
            seeds.push(("key_slot", fs::read(path)?));
        }
        for path in files(&self.repository.join(layout::SNAPSHOTS_PREFIX))? {
            let run = layout::parse_snapshot_key(&format!("{}{}", layout::SNAPSHOTS_PREFIX, name(&path)))?;
            let record = open_object(&self.keys, ObjectKind::Snapshot, &fs::read(path)?)?;
            seeds.push(("sealed_frame", framed(&record)));
            seeds.push(("snapshot", [run.0.as_slice(), &record].concat()));
        }
        for path in files(&self.repository.join(layout::PACKS_PREFIX))? {
            let pack = layout::parse_directory_key(&format!("{}{}", layout::PACKS_PREFIX, name(&path)))?;
            let object = fs::read(path)?;
            let record = open_object(&self.keys, ObjectKind::Directory, &object)?;
            let number = pack.number.to_le_bytes();
            seeds.push(("pack_directory", [&pack.run.0, number.as_slice(), &record].concat()));
            let directory = PackDirectory::open(&self.keys, pack, &object)?;
            self.add_pack(&directory, seeds)?;
            let mut row = vec![u8::from(directory.checksum.is_some())];
            let mut encoded = Vec::new();
            directory_row::encode(&directory, &mut encoded);
            row.append(&mut encoded);
            seeds.push(("catalogue_row", row));
        }
        Ok(())
    }

    /// Adds the blocks of a pack, and the nodes in them.
    fn add_pack(&self, directory: &PackDirectory, seeds: &mut Seeds) -> Fallible<()> {
        let key = layout::pack_key(directory.kind, directory.group, directory.pack);
        let pack = fs::read(self.repository.join(key))?;
        let key = directory.object_key(&self.keys)?;
        let (mut opener, mut plain) = (BlockOpener::new()?, Vec::new());
        for (ordinal, block) in directory.blocks.iter().enumerate() {
            let stored = &pack[block.offset as usize..][..block.stored_bytes as usize];
            opener.open(&self.keys, &key, directory, ordinal, stored, &mut plain)?;
            let mut rest = plain.as_slice();
            for chunk in directory.block_chunks(block) {
                let (content, remaining) = rest.split_at(chunk.length as usize);
                rest = remaining;
                if directory.kind == ObjectKind::Manifest {
                    add_node(content, seeds);
                }
            }
            if plain.len() < 64 << 10 {
                add_compressed(&plain, seeds)?;
            }
        }
        if pack.len() < 64 << 10 {
            seeds.push(("pack", pack[..SEAL_HEADER_BYTES].to_vec()));
            seeds.push(("pack", pack));
        }
        Ok(())
    }
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Adds a manifest node, or a chunk-list node as a complete list.
fn add_node(raw: &[u8], seeds: &mut Seeds) {
    if let Ok(node) = Node::decode(raw) {
        seeds.push(("manifest_node", raw.to_vec()));
        let NodeItems::Leaf(entries) = node.items else { return };
        for entry in entries {
            if let Content::List(list) = entry.content {
                seeds.push(("chunk_list", with_reference(list.level, list.chunks, list.bytes, raw)));
            }
        }
    } else {
        // The sums in its parent are not known here; mutations may find them.
        seeds.push(("chunk_list", with_reference(0, 1, 1, raw)));
    }
}

fn with_reference(level: u8, chunks: u64, bytes: u64, raw: &[u8]) -> Vec<u8> {
    [&[level], chunks.to_le_bytes().as_slice(), &bytes.to_le_bytes(), raw].concat()
}

/// Returns a record in its own frame, not compressed.
fn framed(record: &[u8]) -> Vec<u8> {
    let length = (record.len() as u32).to_le_bytes();
    [&[0; 4], length.as_slice(), &length, record, &[0; 7]].concat()
}

/// Adds bytes, both compressed and uncompressed.
fn add_compressed(plain: &[u8], seeds: &mut Seeds) -> Fallible<()> {
    let mut body = Vec::new();
    let codec = Compressor::new(3)?.compress(plain, &mut body)?;
    let length = plain.len() as u32;
    let raw = [&[Codec::Raw as u8], length.to_le_bytes().as_slice(), plain].concat();
    let compressed = [&[codec as u8], length.to_le_bytes().as_slice(), &body].concat();
    for target in ["compression", "block"] {
        seeds.push((target, raw.clone()));
        seeds.push((target, compressed.clone()));
    }
    let (body_length, length) = ((body.len() as u32).to_le_bytes(), length.to_le_bytes());
    let frame = [&[codec as u8, 0, 0, 0], body_length.as_slice(), &length, &body].concat();
    seeds.push(("sealed_frame", frame));
    Ok(())
}

/// Adds objects of the artificial repository, which pass authentication unchanged.
fn add_made_up(seeds: &mut Seeds) -> Fallible<()> {
    seeds.push(("header", stored::header_object()));
    let slot = stored::slot_object();
    let start = stored::slot_payload_start(&slot);
    let (text, tag) = slot[start..].split_last_chunk::<16>().ok_or("the slot is too short")?;
    let mut payload = text.to_vec();
    let cipher = stored::slot_cipher();
    let associated = &slot[..start - 32];
    cipher
        .decrypt_inout_detached(&[0; 12].into(), associated, payload.as_mut_slice().into(), tag.into())
        .map_err(|_| "the slot does not open")?;
    seeds.push(("key_slot_payload", payload));
    seeds.push(("key_slot", slot));
    for length in [0, 1, 100, 5000] {
        add_compressed(&b"compresses ".repeat(length), seeds)?;
    }
    // Lists of one and of several levels, with matching references; an id of zeros is a hole.
    for count in [1_u32, 9, 300] {
        let mut leaf = ChunkListBuilder::new(0);
        for number in 0..count {
            let mut id = [0; ChunkId::BYTES];
            id[..4].copy_from_slice(&number.to_be_bytes());
            leaf.push_chunk(ChunkRef { id: ChunkId(id), length: 1 + number });
        }
        leaf.push_chunk(ChunkRef::hole(u32::MAX));
        let leaf = leaf.finish(keys())?;
        let mut inner = ChunkListBuilder::new(1);
        inner.push_node(&leaf.list);
        inner.push_node(&leaf.list);
        let inner = inner.finish(keys())?;
        for node in [leaf, inner] {
            let list = node.list;
            seeds.push(("chunk_list", with_reference(list.level, list.chunks, list.bytes, &node.raw)));
        }
    }
    Ok(())
}

/// Adds text that people write, valid and almost valid.
fn add_written(seeds: &mut Seeds) {
    const WRITTEN: [(&str, &[&str]); 6] = [
        (
            "reference",
            &[
                "latest",
                "latest~12",
                "home@latest:alice/report.txt",
                "host/etc@3f9a2c:a@b:c",
                "etc@2026-11-01",
                "2026-11-01T12:30:15.123456789+02:00:etc/passwd",
                "2026-11-01 12:30:./a//b/.",
                "-9999-01-01",
                "9999-12-31",
                "0000-00-00T24:00:00Z",
            ],
        ),
        (
            "location",
            &["/srv/backup", "file:///a%20b", "file://localhost/x", "s3://bucket/prefix", "~/x", "./a:b"],
        ),
        (
            "excludes",
            &[
                "# comment\n*.tmp\n!keep.tmp\n/lost+found/\n.cache/\n",
                "a/**/b\n**/c\nd/**\n[a-z]?\\*\\#\n\\!x\n",
                "{a,b}*[!0-9]\r\n\u{feff}x \\ \n",
            ],
        ),
        ("includes", &["*.txt\n!secret.txt", "/a/\na/b/**", "[[:alpha:]]*{x,y}"]),
        ("byte_size", &["0", "64MiB", " 1 GB ", "18446744073709551615", "16777216TiB", "1.5GiB"]),
        (
            "configuration",
            &[
                "repository = \"/srv/x\"\n[backup]\nexclude = [\"*.tmp\"]\npack-size = \"64MiB\"\n",
                "password-file = \"/a\"\nkey-file = \"/b\"\n",
                "[sources.home]\npath = \"/home\"\ncompression-level = 9\ntags = { a = \"b\" }\n",
                "[sources.\"a b\".x]\n",
            ],
        ),
    ];
    for (target, texts) in WRITTEN {
        seeds.extend(texts.iter().map(|text| (target, text.as_bytes().to_vec())));
    }
    let document = include_str!("../../docs/configuration.md");
    let examples = document.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    seeds.extend(examples.map(|example| ("configuration", example.as_bytes().to_vec())));
}
