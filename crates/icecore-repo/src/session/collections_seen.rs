//! The records of collections, as a session has seen them.

use icecore_format::collection::Condemned;
use icecore_store::{ObjectInfo, Version};

use crate::{collections, error::RepoResult, repository::Repository};

/// What the records of collections said when a session read them, after its announcement.
#[derive(Debug)]
pub(super) struct CollectionsSeen {
    /// Keys and versions of the records.
    objects: Vec<(String, Version)>,
    /// Number of the newest collection; 0 if there is none.
    pub newest: u64,
    /// Packs that count as absent.
    pub condemned: Condemned,
}

impl CollectionsSeen {
    /// Reads the listed records.
    pub fn read(repository: &Repository, listed: Vec<ObjectInfo>) -> RepoResult<Self> {
        let records = collections::read(repository, &listed)?;
        let newest = records.last().map_or(0, |stored| stored.record.number.get().into());
        let condemned = collections::condemned(&records);
        if !condemned.is_empty() {
            let packs = condemned.packs().len();
            tracing::info!(packs, "packs that are about to be removed count as absent");
        }
        let objects = listed.into_iter().map(|object| (object.key, object.version)).collect();
        Ok(Self { objects, newest, condemned })
    }

    /// Returns whether exactly these records are listed, unchanged.
    pub fn are(&self, listed: &[ObjectInfo]) -> bool {
        let listed = listed.iter().map(|object| (&object.key, &object.version));
        listed.eq(self.objects.iter().map(|(key, version)| (key, version)))
    }
}
