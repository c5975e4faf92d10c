//! All objects of a repository, opened.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    collections::{self, Collection, Collections},
    log::{self, Log, LogRecord, Snapshots},
    manifest::Manifest,
    names::Name,
    packs::{DATA, MANIFEST, Pack, Packs},
    sealed::{Keys, number32},
    snapshots::{Snapshot, State},
    values::Fault,
};

/// Bit of the features for writing: packs are collected.
const COLLECTIONS: u32 = 1;

pub(super) struct Repository<'a> {
    keys: &'a Keys,
    pub(super) packs: Packs<'a>,
    pub(super) snapshots: Snapshots,
    pub(super) log: Log,
    pub(super) collections: Collections,
    /// What is wrong with single objects, and with objects that contradict each other.
    pub(super) faults: Vec<Fault>,
}

impl<'a> Repository<'a> {
    /// Opens all objects.
    pub(super) fn open(keys: &'a Keys, objects: &BTreeMap<String, Bytes>) -> Self {
        let mut repository = Self {
            keys,
            packs: Packs::new(keys),
            snapshots: Snapshots::new(),
            log: Log::new(),
            collections: Collections::new(),
            faults: Vec::new(),
        };
        let mut named = Vec::new();
        for (key, object) in objects.iter().filter(|(key, _)| !key.starts_with('+')) {
            match Name::parse(key) {
                Some(name) => named.push((name, key, object)),
                None => repository.faults.push(format!("{key}: no object has such a key")),
            }
        }
        // Packs come before directories, which are compared with them.
        named.sort_by_key(|(name, ..)| matches!(name, Name::Directory(_)));
        for (name, key, object) in named {
            if let Err(fault) = repository.add(name, object) {
                repository.faults.push(format!("{key}: {fault}"));
            }
        }
        repository.note_swept(objects);
        repository
    }

    fn add(&mut self, name: Name, object: &Bytes) -> Result<(), Fault> {
        match name {
            Name::Snapshot(run) => {
                let snapshot = Snapshot::read(&self.keys.record(5, object)?, run)?;
                self.snapshots.insert(run, snapshot);
            }
            Name::DataPack { group, pack } => {
                let bytes = object.clone();
                self.packs.add_pack(pack, Pack { kind: DATA, group: Some(group), bytes })?;
            }
            Name::ManifestPack(pack) => {
                let bytes = object.clone();
                self.packs.add_pack(pack, Pack { kind: MANIFEST, group: None, bytes })?;
            }
            Name::Directory(pack) => self.packs.add_directory(pack, object)?,
            Name::Collection(number) => {
                let record = Collection::read(&self.keys.record(8, object)?, number)?;
                self.collections.insert(number, record);
            }
            Name::Log { writer, sequence } => {
                let record = LogRecord::read(&self.keys.record(6, object)?, writer, sequence)?;
                self.log.insert((writer, sequence, *blake3::hash(object).as_bytes()), record);
            }
            Name::Index => {
                self.keys.record(7, object)?;
            }
            // Slots that do not open may be those of other credentials; the header was checked already.
            Name::Header | Name::Slot | Name::Quarantined | Name::Probe => {}
        }
        Ok(())
    }

    /// Notes the packs that collections are removing, and whether collections are announced.
    fn note_swept(&mut self, objects: &BTreeMap<String, Bytes>) {
        for (number, record) in self.collections.iter().filter(|(_, record)| record.is_sweeping) {
            self.packs.swept.extend(record.packs.iter().map(|pack| (*pack, *number)));
        }
        let is_announced =
            objects.get("icecore").is_some_and(|header| number32(header, 16) & COLLECTIONS != 0);
        if !self.collections.is_empty() && !is_announced {
            self.faults.push("there are collections, but the header does not have their feature".into());
        }
    }

    /// Finds what objects say about each other that is not so.
    pub(super) fn contradictions(&self) -> Vec<Fault> {
        let mut faults = log::judge(&self.log, &self.snapshots);
        faults.extend(collections::judge(&self.collections, &self.snapshots));
        let is_condemned = |name| collections::is_condemned(&self.collections, name);
        let is_without_pack = |name: &&_| !self.packs.objects.contains_key(name) && !is_condemned(**name);
        let without = self.packs.listed.iter().filter(is_without_pack);
        faults.extend(without.map(|name| format!("meta/packs/{name}: the directory has no pack")));
        for name in self.packs.objects.keys() {
            let run = self.snapshots.get(&name.run).map(|snapshot| snapshot.state);
            // All directories are stored before the commit, and only a sweep removes them.
            let is_writing = matches!(run, Some(State::Pending | State::Aborted));
            if !self.packs.listed.contains(name) && !is_writing && !is_condemned(*name) {
                faults.push(format!("pack {name}: it has no directory, and its run stored all"));
            }
            if run.is_none() && !collections::is_ended(&self.collections, name.run) {
                faults.push(format!("pack {name}: its run has no snapshot object, and no record names it"));
            }
        }
        faults
    }

    /// Reads a complete snapshot; `None` if it is in another state.
    pub(super) fn manifest<'b>(&'b self, snapshot: &Snapshot) -> Option<Manifest<'b>> {
        let completion = snapshot.completion.as_ref().filter(|_| snapshot.state == State::Complete)?;
        Some(Manifest::walk(&self.packs, snapshot.only_group(), completion))
    }
}
