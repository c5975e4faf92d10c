//! Looks for another way in than a key of KMS that may fail together with the bucket.

use std::sync::Arc;

use icecore_access::OpenStore;
use icecore_format::slot::SlotKind;
use icecore_repo::repository::LockedRepository;

use super::{Finding, State};
use crate::{
    context::Context,
    failure::{Failure, Outcome},
};
use icecore_operations::text;

const CHECK: &str = "keys";
const HINT: &str =
    "add a password or a key file, and keep it elsewhere: `icecore key add --new-key-file FILE`";

/// Looks at the key slots; nobody is asked for a password.
pub(super) fn look(context: &Context, store: &OpenStore) -> Finding {
    match kinds(context, store) {
        Ok(kinds) => judge(&kinds, store.s3.as_ref().map(|s3| s3.region())),
        Err(failure) => Finding::failed(CHECK, failure),
    }
}

fn kinds(context: &Context, store: &OpenStore) -> Outcome<Vec<SlotKind>> {
    let locked =
        LockedRepository::find(Arc::clone(&store.store), context.access.machine.environment.clone())?;
    locked.slot_kinds().map_err(Failure::from)
}

/// Judges the key slots of a repository in a bucket of a region, or elsewhere.
fn judge(kinds: &[SlotKind], bucket_region: Option<&str>) -> Finding {
    let regions = kinds.iter().map(|kind| match kind {
        SlotKind::Kms(data_key) => Some(data_key.region.as_str()),
        _ => None,
    });
    let regions: Option<Vec<&str>> = regions.collect();
    let slots = text::counted(kinds.len() as u64, "key slot");
    match regions.as_deref() {
        Some([]) => {
            Finding::new(CHECK, State::Bad, "no key slot can be read: nobody can unlock the repository")
                .hint("copy meta/keys/ back from a copy of the repository")
        }
        None => Finding::new(CHECK, State::Good, format!("{slots}, not only keys of AWS KMS")),
        Some(regions) => {
            let own = bucket_region.filter(|own| regions.iter().all(|region| region == own));
            let message = match own {
                Some(region) => format!(
                    "the only way in is AWS KMS in {region}, the region of the bucket: if the region fails or the account is \
                     lost, nobody can read the backups, not even from a replica"
                ),
                None => format!(
                    "the only way in is AWS KMS ({}): if the account is lost or the key is deleted, nobody can read the backups",
                    regions.join(", ")
                ),
            };
            Finding::new(CHECK, State::Warning, message).hint(HINT)
        }
    }
}

#[cfg(test)]
mod tests;
