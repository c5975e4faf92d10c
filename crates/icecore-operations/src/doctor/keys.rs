//! Finds out whether another key than one of KMS, which may fail together with the bucket, unlocks the
//! repository.

use std::sync::Arc;

use icecore_access::{AccessResult, OpenStore, RepositoryAccess};
use icecore_format::slot::SlotKind;
use icecore_repo::repository::LockedRepository;

use super::{
    facts::RepositoryFact,
    finding::{Check, Finding, State},
};

const CHECK: Check = Check::Keys;

/// Examines the key slots; does not ask for a password.
pub(super) fn look(access: &RepositoryAccess, store: &OpenStore) -> Finding {
    match kinds(access, store) {
        Ok(kinds) => judge(&kinds, store.s3.as_ref().map(|s3| s3.region())),
        Err(error) => Finding::failed(CHECK, error),
    }
}

fn kinds(access: &RepositoryAccess, store: &OpenStore) -> AccessResult<Vec<SlotKind>> {
    let locked = LockedRepository::find(Arc::clone(&store.store), access.machine.environment.clone())?;
    Ok(locked.slot_kinds()?)
}

/// Judges the key slots of a repository in a bucket of a region, or elsewhere.
fn judge(kinds: &[SlotKind], bucket_region: Option<&str>) -> Finding {
    let regions = kinds.iter().map(|kind| match kind {
        SlotKind::Kms(data_key) => Some(data_key.region.clone()),
        _ => None,
    });
    let regions: Option<Vec<String>> = regions.collect();
    match regions {
        None => {
            let slots = kinds.len() as u64;
            let has_kms = kinds.iter().any(|kind| matches!(kind, SlotKind::Kms(_)));
            Finding::new(CHECK, State::Good, RepositoryFact::OwnWayIn { slots, has_kms })
        }
        Some(regions) if regions.is_empty() => Finding::new(CHECK, State::Bad, RepositoryFact::NoKeySlot),
        Some(regions) => {
            let is_bucket_region =
                bucket_region.is_some_and(|own| regions.iter().all(|region| region == own));
            Finding::new(CHECK, State::Warning, RepositoryFact::OnlyKms { regions, is_bucket_region })
        }
    }
}

#[cfg(test)]
mod tests;
