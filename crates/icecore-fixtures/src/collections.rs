//! Records of collections.

use icecore_format::{
    collection::{CollectedPack, CollectionRecord, CollectionState},
    entry::Time,
    ids::{CollectionNumber, PackName, RunId},
    seal::ObjectKind,
};

/// Returns the record of a collection that is about to remove data packs of the groups of their runs; nothing
/// is noted yet of what it waits for.
pub fn condemned(number: CollectionNumber, packs: &[PackName]) -> CollectionRecord {
    let pack = |name: &PackName| CollectedPack {
        name: *name,
        kind: ObjectKind::Data,
        group: name.run,
        bytes: 1,
        pack_version: Some("version".into()),
        directory_version: None,
        is_repacked: false,
    };
    let mut packs: Vec<CollectedPack> = packs.iter().map(pack).collect();
    packs.sort_unstable_by_key(|pack| pack.name);
    CollectionRecord {
        number,
        state: CollectionState::Condemned,
        run: RunId::new(1, [1; 10]),
        written: Time::default(),
        host: "host".into(),
        packs,
        deleted: Vec::new(),
        waiting: None,
        dead_runs: Vec::new(),
        cleared_runs: Vec::new(),
    }
}
