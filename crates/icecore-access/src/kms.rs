//! Key slots that a key of AWS KMS opens.

use std::sync::Arc;

use icecore_aws::{
    Credentials, KmsOptions, WrappedKey,
    kms::{generate, unwrap},
};
use icecore_format::{
    ids::RepositoryId,
    keys::Secret,
    slot::{Credential, KmsDataKey, SlotKind},
};
use icecore_repo::{
    repository::{LockedRepository, Repository},
    slots::Slot,
};
use icecore_store::retry::Repetition;

use crate::{
    access::RepositoryAccess,
    error::{AccessError, AccessResult},
    events::AccessNotice,
    trust,
};

/// Context of a data key: KMS unwraps it only with the same context.
fn encryption_context(repository: RepositoryId) -> [(&'static str, String); 2] {
    [("icecore-repository", repository.to_string()), ("icecore-purpose", "key-slot".to_owned())]
}

fn options(access: &RepositoryAccess, region: Option<String>) -> AccessResult<KmsOptions> {
    let settings = &access.s3;
    let credentials =
        settings.profile.clone().map_or(Credentials::Chain, |name| Credentials::Profile { name });
    let trust = trust::find(access, &credentials)?;
    let region = region.or_else(|| settings.region.clone());
    let machine = &access.machine;
    let repetition = Repetition {
        waits: Arc::clone(&machine.waits) as _,
        stop: machine.stop.clone(),
        ..Repetition::new(machine.store_environment.clone())
    };
    Ok(KmsOptions { endpoint_url: None, region, credentials, trust, repetition })
}

/// Makes a new data key under a key of KMS.
pub fn new_credential(
    access: &RepositoryAccess,
    repository: RepositoryId,
    key: &str,
) -> AccessResult<Credential> {
    let (options, bound_to) = (options(access, None)?, encryption_context(repository));
    let made = access.machine.drive(generate(&options, key, &bound_to))?;
    let made = made.map_err(AccessError::KmsNewKey)?;
    let WrappedKey { wrapped, key_arn } = made.wrapped;
    let data_key = KmsDataKey { wrapped, key_arn, region: made.region };
    Ok(Credential::Kms { data_key, secret: Secret::new(*made.secret) })
}

/// Unlocks a repository with the first of its slots of these kinds that KMS opens; returns none if there is
/// no slot of KMS.
pub fn unlock(
    access: &RepositoryAccess,
    locked: &LockedRepository,
    kinds: &[SlotKind],
) -> AccessResult<Option<(Repository, Credential)>> {
    let mut failed = None;
    for kind in kinds {
        let SlotKind::Kms(data_key) = kind else { continue };
        let wrapped = WrappedKey { wrapped: data_key.wrapped.clone(), key_arn: data_key.key_arn.clone() };
        let (options, bound_to) =
            (options(access, Some(data_key.region.clone()))?, encryption_context(locked.id()));
        match access.machine.drive(unwrap(&options, &wrapped, &bound_to))? {
            Ok(secret) => {
                let credential = Credential::Kms { data_key: data_key.clone(), secret: Secret::new(*secret) };
                let opened = locked.unlock(std::slice::from_ref(&credential))?;
                return Ok(Some((opened, credential)));
            }
            Err(error) => {
                tracing::info!(key = data_key.key_arn, %error, "failed to use a KMS key");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(None), |error| Err(AccessError::KmsUnlock(error)))
}

/// Reports if only KMS opens the repository.
pub fn advise_recovery(access: &RepositoryAccess, slots: &[Slot]) {
    let mut kinds = slots.iter().filter_map(|slot| slot.info.as_ref().ok()).map(|info| &info.kind);
    if kinds.all(|kind| matches!(kind, SlotKind::Kms(_))) {
        access.events.notice(AccessNotice::OnlyKmsKeys);
    }
}
