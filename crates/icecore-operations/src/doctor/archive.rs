//! Looks for archived metadata, which must stay readable at once.

use icecore_access::RepositoryAccess;
use icecore_aws::{ArchiveReport, S3Store};
use icecore_repo::reader::ArchivedPack;

use super::{
    facts::ArchiveFact,
    finding::{Check, Finding, State},
};
use crate::archived::Bucket;

const CHECK: Check = Check::Archive;

/// Looks for archived objects below `meta/`.
pub(super) fn metadata(access: &RepositoryAccess, store: &S3Store) -> Finding {
    let report = match access.machine.environment.runtime.block_on(store.archived_metadata()) {
        Ok(report) => report,
        Err(error) => return Finding::failed(CHECK, error),
    };
    judge(report, |pack| Bucket::of(access, Some(store)).map(|bucket| bucket.command(pack)))
}

/// Judges the report; `command` returns how to thaw an object.
fn judge(report: ArchiveReport, command: impl Fn(&ArchivedPack) -> Option<String>) -> Finding {
    let ArchiveReport { archived, example, unknown } = report;
    if let Some((key, class)) = example {
        let object = ArchivedPack { key, class };
        let thaw_command = command(&object);
        let ArchivedPack { key, class } = object;
        let fact = ArchiveFact::Archived { objects: archived, key, class, thaw_command };
        return Finding::new(CHECK, State::Bad, fact);
    }
    if unknown > 0 {
        return Finding::new(CHECK, State::Unknown, ArchiveFact::Unknown { objects: unknown });
    }
    Finding::new(CHECK, State::Good, ArchiveFact::Nothing)
}
