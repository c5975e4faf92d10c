//! Opens all pack directories and compares them with the packs that the store lists.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{
    directory::PackDirectory, error::FormatResult, ids::PackName, layout, limits::DIRECTORY_BYTES_MAX,
    seal::ObjectKind,
};
use icecore_store::ObjectInfo;

use crate::{
    collections::Collections,
    error::CheckError,
    events::CheckPhase,
    inventory::{Inventory, PackRecord, PackState},
    keyspace::{KeyForm, Listing, classify},
    report::ProblemKind,
    session::{Opened, Session},
    table::{ChunkRow, ChunkTable},
    words::counted,
};

/// A pruner may move chunks to new packs while directories are read. After listing the store this many times,
/// the check accepts its state.
const LOOKS_MAX: usize = 3;

/// Stored bytes of directories that are opened at a time: opened ones wait until those before them have been
/// processed.
const BATCH_BYTES: u64 = 16 << 20;

/// Directories of packs to be read may use at most this fraction (one divided by this) of the memory, in
/// stored form.
const KEPT_SHARE: u64 = 16;

/// Directories that have been opened so far.
#[derive(Default)]
struct Loader {
    /// Stored bytes of directories that may still be kept for reading their packs.
    keeps_bytes: u64,
    packs: Vec<PackRecord>,
    numbers: HashMap<PackName, u32>,
    /// Directories that exist but do not open.
    damaged: BTreeSet<PackName>,
    rows: Vec<ChunkRow>,
}

/// Opens all directories, and reports missing and surplus packs.
///
/// Packs and directories that a collection is removing may be missing; whoever needs one of them reports it.
pub(crate) async fn take_inventory(
    session: &Session<'_>,
    collections: &Collections,
) -> Result<Inventory, CheckError> {
    let options = session.options();
    // A sample may be small, and most directories would be kept in vain.
    let keeps_bytes = if options.read_data { options.memory_bytes_max / KEPT_SHARE } else { 0 };
    let mut loader = Loader { keeps_bytes, ..Loader::default() };
    let mut look = 0;
    let listing = loop {
        // Directories are listed before packs: a pack is written before its directory, so a pack that a
        // writer is just finishing never seems to be missing.
        let (directories, all) = if options.lists_together {
            // If a pack is not in the same listing as its directory, it is looked up by its name.
            let all = session.list("").await?;
            (
                all.iter().filter(|info| info.key.starts_with(layout::PACKS_PREFIX)).cloned().collect(),
                Some(all),
            )
        } else {
            (session.list(layout::PACKS_PREFIX).await?, None)
        };
        if look == 0 {
            session.phase_begins(CheckPhase::Directories, Some(directories.len()));
        }
        let mut moved = loader.load(session, directories).await?;
        let all = match all {
            Some(all) => all,
            None => session.list("").await?,
        };
        let listing = Listing::new(all);
        moved |= loader.find_packs(session, &listing).await?;
        look += 1;
        if !moved || look == LOOKS_MAX {
            break listing;
        }
    };
    loader.report_packs(session, &listing, collections);
    report_surplus(session, &loader, &listing, collections);
    let Loader { packs, mut rows, .. } = loader;
    rows.shrink_to_fit();
    let table = session.compute(move || ChunkTable::new(rows)).await?;
    Ok(Inventory { packs, table })
}

impl Loader {
    /// Opens directories that have not been opened yet; returns whether some were deleted meanwhile.
    async fn load(&mut self, session: &Session<'_>, listed: Vec<ObjectInfo>) -> Result<bool, CheckError> {
        let mut new = Vec::new();
        for info in listed {
            if let KeyForm::Directory(pack) = classify(&info.key)
                && !self.numbers.contains_key(&pack)
                && !self.damaged.contains(&pack)
            {
                new.push((pack, info));
            }
        }
        let (mut moved, mut rest) = (false, new.as_slice());
        while !rest.is_empty() {
            let (batch, remaining) = rest.split_at(batch_length(rest));
            rest = remaining;
            let opening = stream::iter(batch.to_vec()).map(|(pack, info)| async move {
                let keys = session.share_keys();
                let open = move |object: &[u8]| PackDirectory::open(&keys, pack, object);
                let opened = session.open(&info, DIRECTORY_BYTES_MAX.into(), open).await?;
                Ok::<_, CheckError>((pack, info, opened))
            });
            // In the order of their names, so packs have the same numbers in every check.
            let mut opening = opening.buffered(session.concurrency());
            while let Some((pack, info, opened)) = opening.try_next().await? {
                session.progress(1, info.size);
                match opened {
                    Opened::Value(directory) => self.add(session, pack, &info, directory),
                    Opened::Vanished => moved = true,
                    Opened::Unreadable => _ = self.damaged.insert(pack),
                }
            }
        }
        Ok(moved)
    }

    fn add(
        &mut self,
        session: &Session<'_>,
        name: PackName,
        info: &ObjectInfo,
        opened: FormatResult<PackDirectory>,
    ) {
        let directory = match opened {
            Ok(directory) => directory,
            Err(error) => {
                self.damaged.insert(name);
                return session.report_format(ProblemKind::DirectoryDamaged, &info.key, &error);
            }
        };
        let number = self.packs.len() as u32;
        let kind = directory.kind;
        let keeps = kind == ObjectKind::Manifest || info.size <= self.keeps_bytes;
        if keeps && kind != ObjectKind::Manifest {
            self.keeps_bytes -= info.size;
        }
        self.rows.extend(
            (0..)
                .zip(&directory.chunks)
                .map(|(at, chunk)| ChunkRow::new(chunk.id, kind, chunk.length, number, at)),
        );
        self.packs.push(PackRecord {
            name,
            kind,
            group: directory.group,
            bytes: directory.checksum.map_or(0, |checksum| checksum.bytes),
            directory_bytes: info.size,
            blocks: directory.blocks.len() as u32,
            directory: keeps.then(|| Arc::new(directory)),
            state: PackState::Present,
            was_read: false,
        });
        self.numbers.insert(name, number);
    }

    /// Looks for the pack of each directory; returns whether some were deleted together with their directory.
    async fn find_packs(&mut self, session: &Session<'_>, listing: &Listing) -> Result<bool, CheckError> {
        let mut missing = Vec::new();
        for (number, pack) in self.packs.iter_mut().enumerate() {
            match listing.find(pack.name, pack.place()) {
                _ if pack.state == PackState::Vanished => {}
                Some(listed) => pack.state = size_state(pack, listed.bytes),
                None => missing.push((number, pack.clone())),
            }
        }
        let looking = stream::iter(missing).map(|(number, pack)| async move {
            Ok::<_, CheckError>((number, look_for_pack(session, &pack).await?))
        });
        let mut looking = looking.buffer_unordered(session.concurrency());
        let mut moved = false;
        while let Some((number, state)) = looking.try_next().await? {
            moved |= state == PackState::Vanished;
            self.packs[number].state = state;
        }
        Ok(moved)
    }

    /// Reports packs that differ from their directories.
    fn report_packs(&self, session: &Session<'_>, listing: &Listing, collections: &Collections) {
        for pack in &self.packs {
            let key = pack.key();
            match pack.state {
                PackState::Present => {}
                PackState::Vanished | PackState::Missing if collections.removes(pack.name) => {}
                PackState::Vanished => {
                    let detail = "it was deleted during the check, together with its directory".to_owned();
                    session.report(ProblemKind::ObjectVanished, Some(&key), detail);
                }
                PackState::WrongSize(found) => {
                    let detail =
                        format!("it has {found} bytes instead of the {} in its directory", pack.bytes);
                    session.report(ProblemKind::PackSizeWrong, Some(&key), detail);
                }
                PackState::Missing => {
                    let other = listing.packs.get(&pack.name).and_then(|places| places.first());
                    let (kind, detail) = if let Some(other) = other {
                        (
                            ProblemKind::PackMisplaced,
                            format!("it is stored under {} instead", other.place.key(pack.name)),
                        )
                    } else {
                        let blocks = counted(pack.blocks.into(), "block");
                        let detail = format!("it does not exist; its directory lists {blocks}");
                        (ProblemKind::PackMissing, detail)
                    };
                    session.report(kind, Some(&key), detail);
                }
            }
        }
    }
}

/// Returns how many of the directories are opened together; at least one.
fn batch_length(directories: &[(PackName, ObjectInfo)]) -> usize {
    let mut bytes = 0u64;
    let fits = directories.iter().take_while(|(_, info)| {
        bytes = bytes.saturating_add(info.size);
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

fn size_state(pack: &PackRecord, found: u64) -> PackState {
    if found == pack.bytes { PackState::Present } else { PackState::WrongSize(found) }
}

/// Finds out whether a pack that was not listed is really missing: its directory must still be there.
pub(crate) async fn look_for_pack(session: &Session<'_>, pack: &PackRecord) -> Result<PackState, CheckError> {
    if let Some(found) = session.size_of(&pack.key()).await? {
        return Ok(size_state(pack, found));
    }
    let directory = session.size_of(&layout::directory_key(pack.name)).await?;
    Ok(if directory.is_some() { PackState::Missing } else { PackState::Vanished })
}

/// Reports packs without a directory, and objects that do not belong to the repository.
fn report_surplus(session: &Session<'_>, loader: &Loader, listing: &Listing, collections: &Collections) {
    for (&name, places) in &listing.packs {
        let known = loader.numbers.get(&name).map(|&number| &loader.packs[number as usize]);
        for listed in places {
            let key = listed.place.key(name);
            match known {
                // Reported as misplaced if it is missing in its right location.
                Some(pack) if pack.place() == listed.place || pack.state == PackState::Missing => {}
                Some(pack) => {
                    let detail =
                        format!("another pack with this name exists under the correct key, {}", pack.key());
                    session.report(ProblemKind::ForeignObject, Some(&key), detail);
                }
                // A directory that was written meanwhile, or does not open.
                None if listing.directories.contains(&name) || collections.removes(name) => {}
                None => {
                    let detail = "it has no directory: an interrupted run left it, or a run is writing it";
                    session.report(ProblemKind::PackUnlisted, Some(&key), detail.to_owned());
                }
            }
        }
    }
    for (&repair, (objects, bytes)) in &listing.quarantined {
        let place = layout::quarantine_key(repair, "");
        let (objects, them) = (counted(*objects, "object"), if *objects == 1 { "it" } else { "them" });
        let detail =
            format!("a repair moved {objects} ({bytes} bytes) into quarantine; nothing needs {them}");
        session.report(ProblemKind::ObjectsQuarantined, Some(&place), detail);
    }
    for key in &listing.foreign {
        let detail = "its key is not the key of a repository object; it is left alone".to_owned();
        session.report(ProblemKind::ForeignObject, Some(key), detail);
    }
    session.report_more(ProblemKind::ForeignObject, listing.foreign_more);
}
