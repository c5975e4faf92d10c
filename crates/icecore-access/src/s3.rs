//! Repositories on S3: from settings to a store, and the requirements for a bucket.

use std::time::Duration;

use icecore_aws::{
    Addressing, AwsEndpoint, AwsEndpointKind, Credentials, Encryption, HotStorageClass, LifecycleReport,
    S3Options, S3Store, StorageClassError, StorageClassName, aws_endpoint, require_conditions, require_reads,
};
use icecore_catalog::Catalog;
use icecore_policy::{S3Addressing, S3Encryption, S3Settings};
use icecore_store::Store;

use crate::{
    access::RepositoryAccess,
    error::{AccessError, AccessResult, UnusableEndpoint},
    events::AccessNotice,
};

/// Returns the options of a store from the settings of a repository.
pub(crate) fn options(
    bucket: &str,
    prefix: &str,
    settings: &S3Settings,
    single_writer: bool,
) -> AccessResult<S3Options> {
    let mut options = S3Options::new(bucket, prefix);
    options.endpoint_url = endpoint_url(settings)?;
    options.region.clone_from(&settings.region);
    if let Some(name) = &settings.profile {
        options.credentials = Credentials::Profile { name: name.clone() };
    }
    options.single_writer = single_writer;
    options.has_checksums = !settings.skips_checksums;
    options.addressing = match settings.addressing {
        S3Addressing::Auto => Addressing::Automatic,
        S3Addressing::Path => Addressing::Path,
        S3Addressing::Virtual => Addressing::Virtual,
    };
    options.encryption = encryption(settings)?;
    if let Some(requests_max) = settings.requests_max {
        options.requests_max = requests_max;
    }
    let wrong =
        |setting: &'static str, source: StorageClassError| AccessError::StorageClass { setting, source };
    if let Some(class) = &settings.data_storage_class {
        options.data_class = class.parse().map_err(|error| wrong("data-storage-class", error))?;
    }
    if let Some(class) = &settings.meta_storage_class {
        let class = class.parse::<StorageClassName>().and_then(HotStorageClass::try_from);
        options.meta_class = class.map_err(|error| wrong("meta-storage-class", error))?;
    }
    Ok(options)
}

fn endpoint_url(settings: &S3Settings) -> AccessResult<Option<String>> {
    let Some(url) = &settings.endpoint_url else { return Ok(None) };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
    if !is_host {
        return Err(AccessError::NoServerUrl { url: url.clone() });
    }
    let url = url.trim_end_matches('/').to_owned();
    if let Some(endpoint) = aws_endpoint(&url) {
        refuse_unusable(&url, &endpoint)?;
    }
    Ok(Some(url))
}

/// Refuses Amazon addresses at which no repository can be used.
fn refuse_unusable(url: &str, endpoint: &AwsEndpoint) -> AccessResult<()> {
    let kind = match (endpoint.kind, &endpoint.bucket) {
        (AwsEndpointKind::Express, _) => UnusableEndpoint::Express,
        (AwsEndpointKind::MultiRegion, _) => UnusableEndpoint::MultiRegion,
        (AwsEndpointKind::NotForObjects, _) if url.contains("vpce-") => UnusableEndpoint::PrivateNetwork,
        (AwsEndpointKind::NotForObjects, _) => UnusableEndpoint::NotForObjects,
        (AwsEndpointKind::AccessPoints, Some(_)) => UnusableEndpoint::AccessPoint,
        (_, Some(_)) => UnusableEndpoint::Bucket,
        (_, None) => return Ok(()),
    };
    Err(AccessError::UnusableEndpoint { url: url.to_owned(), kind })
}

fn encryption(settings: &S3Settings) -> AccessResult<Encryption> {
    match (settings.encryption, &settings.kms_key) {
        (S3Encryption::SseKms, key) => Ok(Encryption::Kms { key: key.clone() }),
        (_, Some(_)) => Err(AccessError::UnusedKmsKey),
        (S3Encryption::Bucket, None) => Ok(Encryption::BucketDefault),
        (S3Encryption::SseS3, None) => Ok(Encryption::S3),
    }
}

/// Makes sure that a bucket can hold a new repository: no lifecycle rule would harm it, and the server
/// honours conditional requests. With a single writer, reads that behave as a repository needs are enough.
/// Amazon's S3 is not tested: it documents what the test requests would show (*Conditional requests*, Amazon
/// S3 User Guide), and `doctor` tests it.
pub(crate) fn prepare(access: &RepositoryAccess, store: &S3Store) -> AccessResult<()> {
    let runtime = &access.machine.environment.runtime;
    let lifecycle = runtime.block_on(store.lifecycle())?;
    refuse_harmful_rules(store, &lifecycle)?;
    if store.aws_region().is_some() {
        return Ok(());
    }
    if store.is_single_writer() {
        // Servers without conditional requests may also differ in reads.
        runtime.block_on(require_reads(store))?;
    } else {
        runtime.block_on(require_conditions(store))?;
    }
    Ok(())
}

/// Key in the catalogue of the time at which connections were found to be slow.
const SLOW_CONNECTIONS: &str = "slow-connections";
/// Connections count as slow for this many seconds.
const SLOW_SECONDS: i64 = 30 * 24 * 3600;

/// Sends large objects in parts from the first one on, if an earlier command found that a single connection
/// is too slow.
pub(crate) fn recall_speed(access: &RepositoryAccess, store: &S3Store, catalog: &Catalog) {
    let found = catalog.get_meta(SLOW_CONNECTIONS).ok().flatten();
    let found = found.and_then(|value| value.try_into().ok()).map(i64::from_le_bytes);
    let now = access.machine.environment.now().seconds;
    if found.is_some_and(|found| (0..SLOW_SECONDS).contains(&now.saturating_sub(found))) {
        store.expect_slow_connections();
    }
}

/// Records in the catalogue that connections are slow, unless this is known.
pub fn remember_speed(access: &RepositoryAccess, store: &S3Store, catalog: &mut Catalog) {
    let is_new = store.has_slow_connections() && !store.expected_slow_connections();
    let now = access.machine.environment.now().seconds;
    if is_new && let Err(error) = catalog.put_meta(SLOW_CONNECTIONS, &now.to_le_bytes()) {
        tracing::debug!(%error, "failed to store the speed of connections in the catalogue");
    }
}

/// Removes unfinished uploads of earlier runs, at the end of a run that has itself uploaded in parts; other
/// runs save the request. Problems can wait, and a server that failed is not asked.
pub fn clean_up(access: &RepositoryAccess, store: &S3Store) {
    const AGE: Duration = Duration::from_hours(24);
    if !store.has_uploaded_in_parts() || store.is_failing() || access.machine.is_cancelled() {
        return;
    }
    match access.machine.environment.runtime.block_on(store.abort_stale_uploads(AGE)) {
        Ok(0) => {}
        Ok(uploads) => access.events.notice(AccessNotice::UploadsRemoved { uploads: uploads as u64 }),
        Err(error) => {
            tracing::info!(%error, "failed to look for unfinished uploads of earlier runs");
        }
    }
}

fn refuse_harmful_rules(store: &S3Store, report: &LifecycleReport) -> AccessResult<()> {
    let Some(rule) = report.harmful.first() else { return Ok(()) };
    Err(AccessError::HarmfulRule { rule: rule.clone(), location: store.location() })
}

#[cfg(test)]
mod tests;
