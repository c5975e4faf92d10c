//! The objects that probes write.

use icecore_store::Store;

use crate::{checksum::hex, store::S3Store};

/// Returns a new key for the object of a probe; `suffix` names the probe.
pub(crate) fn probe_key(store: &S3Store, suffix: &str) -> String {
    let mut random = [0; 8];
    store.environment.entropy.fill(&mut random);
    format!("probe/{}{suffix}", hex(&random))
}

/// Deletes the object of a probe, if permitted.
pub(crate) async fn delete_probe(store: &S3Store, key: &str) {
    if let Err(error) = store.delete(key, None).await {
        tracing::info!(key, %error, "failed to delete the object of the probe");
    }
}
