//! Repositories on S3: from settings to a store, and what a bucket has to be like.

use std::time::Duration;

use icecore_aws::{
    Addressing, AwsEndpoint, AwsEndpointKind, ColdRule, Credentials, Encryption, HotStorageClass,
    LifecycleReport, S3Options, S3Store, StorageClassError, StorageClassName, aws_endpoint,
    require_conditions, require_reads,
};
use icecore_catalog::Catalog;
use icecore_policy::{S3Addressing, S3Encryption, S3Settings};
use icecore_store::Store;

use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
};
use icecore_operations::text;

/// Returns the options of a store from the settings of the command line and the configuration file.
pub(crate) fn options(
    bucket: &str,
    prefix: &str,
    settings: &S3Settings,
    single_writer: bool,
) -> Outcome<S3Options> {
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
    let wrong = |key: &str, error: StorageClassError| {
        Failure::usage(format!("{key} in the configuration file: {}", reason(&error)))
    };
    if let Some(class) = &settings.data_storage_class {
        options.data_class = class.parse().map_err(|error| wrong("data-storage-class", error))?;
    }
    if let Some(class) = &settings.meta_storage_class {
        let class = class.parse::<StorageClassName>().and_then(HotStorageClass::try_from);
        options.meta_class = class.map_err(|error| wrong("meta-storage-class", error))?;
    }
    Ok(options)
}

fn endpoint_url(settings: &S3Settings) -> Outcome<Option<String>> {
    let Some(url) = &settings.endpoint_url else { return Ok(None) };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
    if !is_host {
        return Err(Failure::usage(format!("{url:?} is no URL of a server"))
            .hint("write --endpoint-url https://host or http://host:port"));
    }
    let url = url.trim_end_matches('/').to_owned();
    if let Some(endpoint) = aws_endpoint(&url) {
        refuse_unusable(&url, &endpoint)?;
    }
    Ok(Some(url))
}

/// Refuses addresses of Amazon's S3 at which no repository can be used.
fn refuse_unusable(url: &str, endpoint: &AwsEndpoint) -> Outcome<()> {
    const EXAMPLE: &str =
        "give the address of the region, such as --endpoint-url https://s3.eu-west-1.amazonaws.com, or none";
    let (reason, hint) = match (endpoint.kind, &endpoint.bucket) {
        (AwsEndpointKind::Express, _) => {
            ("is an address of S3 Express One Zone, which is not supported", "use a general purpose bucket")
        }
        (AwsEndpointKind::MultiRegion, _) => (
            "is an address of a multi-region access point, which is not supported",
            "name the bucket, or the access point of one region",
        ),
        (AwsEndpointKind::NotForObjects, _) if url.contains("vpce-") => (
            "does not take requests for objects",
            "begin the host with bucket., as in https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-west-1.vpce.amazonaws.com",
        ),
        (AwsEndpointKind::NotForObjects, _) => ("does not take requests for objects", EXAMPLE),
        (AwsEndpointKind::AccessPoints, Some(_)) => (
            "names an access point",
            "leave --endpoint-url out, and name it in --repository: s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/prefix",
        ),
        (_, Some(_)) => ("names a bucket, which belongs into --repository s3://bucket/prefix", EXAMPLE),
        (_, None) => return Ok(()),
    };
    Err(Failure::usage(format!("{url:?} {reason}")).hint(hint))
}

fn encryption(settings: &S3Settings) -> Outcome<Encryption> {
    match (settings.encryption, &settings.kms_key) {
        (S3Encryption::SseKms, key) => Ok(Encryption::Kms { key: key.clone() }),
        (_, Some(_)) => Err(Failure::usage(
            "kms-key in the configuration file is only used with encryption = \"sse-kms\"",
        )),
        (S3Encryption::Bucket, None) => Ok(Encryption::BucketDefault),
        (S3Encryption::SseS3, None) => Ok(Encryption::S3),
    }
}

/// Makes sure that a bucket can hold a new repository: no rule of its lifecycle would harm it, and the server honours
/// conditional requests or, if there is only to be one writer, reads as a repository needs it. Amazon's S3 is not tried:
/// it documents what the requests of a trial would show (*Conditional requests*, Amazon S3 User Guide), and `doctor` tries it.
pub(crate) fn prepare(context: &Context, store: &S3Store) -> Outcome<()> {
    let runtime = &context.environment.runtime;
    let lifecycle = runtime.block_on(store.lifecycle())?;
    refuse_harmful_rules(store, &lifecycle)?;
    if store.aws_region().is_some() {
        return Ok(());
    }
    if store.is_single_writer() {
        // Servers without conditions differ in reads as well.
        runtime.block_on(require_reads(store))?;
    } else {
        runtime.block_on(require_conditions(store))?;
    }
    Ok(())
}

/// Under this key the catalogue has the time at which connections were found to be slow.
const SLOW_CONNECTIONS: &str = "slow-connections";
/// For this many seconds connections are taken to be as slow as they were.
const SLOW_SECONDS: i64 = 30 * 24 * 3600;

/// Has large objects go in parts from the first one on if an earlier command has found that one connection is too slow.
pub(crate) fn recall_speed(context: &Context, store: &S3Store, catalog: &Catalog) {
    let found = catalog.get_meta(SLOW_CONNECTIONS).ok().flatten();
    let found = found.and_then(|value| value.try_into().ok()).map(i64::from_le_bytes);
    let now = context.environment.now().seconds;
    if found.is_some_and(|found| (0..SLOW_SECONDS).contains(&now.saturating_sub(found))) {
        store.expect_slow_connections();
    }
}

/// Keeps in the catalogue that connections are slow, unless that is known.
pub(crate) fn remember_speed(context: &Context, store: &S3Store, catalog: &mut Catalog) {
    let is_new = store.has_slow_connections() && !store.expected_slow_connections();
    let now = context.environment.now().seconds;
    if is_new && let Err(error) = catalog.put_meta(SLOW_CONNECTIONS, &now.to_le_bytes()) {
        tracing::debug!(%error, "the catalogue does not take the speed of connections");
    }
}

/// Removes unfinished uploads of earlier runs, at the end of a run that has uploaded in parts
/// itself: one that has nothing to upload is spared the request. Whatever goes wrong with that can wait, and
/// a server that failed is not asked.
pub(crate) fn clean_up(context: &Context, store: &S3Store) {
    const AGE: Duration = Duration::from_hours(24);
    if !store.has_uploaded_in_parts() || store.is_failing() || context.is_cancelled() {
        return;
    }
    match context.environment.runtime.block_on(store.abort_stale_uploads(AGE)) {
        Ok(0) => {}
        Ok(uploads) => context.console.notice(&format!(
            "removed {} of earlier runs",
            text::counted(uploads as u64, "unfinished upload")
        )),
        Err(error) => {
            tracing::info!(%error, "it is not known whether there are uploads that were never completed");
        }
    }
}

/// Says what a rule does.
pub(crate) fn describe_rule(rule: &ColdRule) -> String {
    let keys = match rule.prefix.as_str() {
        "" => "all keys".to_owned(),
        prefix => format!("keys that begin with {prefix:?}"),
    };
    format!("the lifecycle rule {:?} of the bucket {} ({keys})", rule.id, rule.effect)
}

fn refuse_harmful_rules(store: &S3Store, report: &LifecycleReport) -> Outcome<()> {
    let Some(rule) = report.harmful.first() else { return Ok(()) };
    let message =
        format!("{}, and would so make a repository at {} unreadable", describe_rule(rule), store.location());
    Err(Failure::new(ExitStatus::Failed, message)
        .hint("limit the rule to other keys; transitions may only match keys under data/, and nothing may be deleted"))
}

#[cfg(test)]
mod tests;
