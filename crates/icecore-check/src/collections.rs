//! The records of collections: which packs are about to be removed.

use std::collections::BTreeSet;

use icecore_format::{
    collection::{CollectionRecord, CollectionState, Condemned},
    ids::PackName,
    layout,
    limits::COLLECTION_OBJECT_BYTES_MAX,
};
use icecore_store::ObjectInfo;

use crate::{
    error::CheckError,
    report::ProblemKind,
    session::{Opened, Session},
};

/// What all records that open say together.
#[derive(Debug, Default)]
pub(crate) struct Collections {
    /// Packs on which no writer relies.
    pub(crate) condemned: Condemned,
    /// Packs that are being removed at this moment.
    swept: BTreeSet<PackName>,
}

impl Collections {
    fn of(records: &[CollectionRecord]) -> Self {
        let sweeping = records.iter().filter(|record| record.state == CollectionState::Sweeping);
        let swept = sweeping.flat_map(|record| &record.packs).map(|pack| pack.name).collect();
        Self { condemned: Condemned::of(records), swept }
    }

    /// Returns whether a pack, or its directory, may be missing because it is being removed.
    pub(crate) fn removes(&self, pack: PackName) -> bool {
        self.swept.contains(&pack)
    }
}

/// Opens all listed records, and reports those that do not open: nobody can write until they do.
pub(crate) async fn open_collections(
    session: &Session<'_>,
    listed: Vec<ObjectInfo>,
) -> Result<Collections, CheckError> {
    let mut records = Vec::new();
    for info in listed {
        let Ok(number) = layout::parse_collection_key(&info.key) else { continue };
        let keys = session.share_keys();
        let open = move |object: &[u8]| CollectionRecord::open(&keys, number, object);
        match session.open(&info, COLLECTION_OBJECT_BYTES_MAX, open).await? {
            Opened::Value(Ok(record)) => records.push(record),
            Opened::Value(Err(error)) => {
                session.report_format(ProblemKind::CollectionDamaged, &info.key, &error);
            }
            Opened::Vanished | Opened::Unreadable => {}
        }
    }
    Ok(Collections::of(&records))
}
