//! Creates the SDK's client: credentials, region, endpoint, timeouts; without retries and checksums of the
//! SDK.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig,
    meta::region::RegionProviderChain,
    profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider},
    provider_config::ProviderConfig,
};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
        retry::RetryConfig,
        timeout::{TimeoutConfig, TimeoutConfigBuilder},
    },
};

use crate::{
    endpoint::{AwsEndpoint, AwsEndpointKind, aws_endpoint, is_access_point, region_of_access_point},
    movement::WatchBodies,
    network::http_client,
    options::{Addressing, Credentials, S3Options},
    trust::Trust,
};

mod renewable;

pub(crate) use self::renewable::RenewableClient;

/// Region for an endpoint of the user that has none.
const REGION_DEFAULT: &str = "us-east-1";
/// Longest time to establish a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// A client, and the settings with which it was created.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) region: String,
    /// URL of the server, if one was given.
    pub(crate) endpoint_url: Option<String>,
    /// Whether TLS protects bodies in transit.
    pub(crate) is_encrypted: bool,
}

/// Creates a client. It fetches the credentials with the first request, and again whenever they expire.
pub(crate) async fn connect(options: &S3Options) -> Connection {
    let (region, endpoint_url) = (options.region.as_ref(), options.endpoint_url.as_ref());
    let loader = configuration(region, endpoint_url, &options.credentials, TimeoutConfig::builder())
        // `movement` does more than that.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // We send and compare checksums ourselves; the SDK would send them in trailers, which many servers
        // refuse.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let shared = with_credentials(loader, &options.credentials, &options.trust).await.load().await;
    let endpoint_url = options.endpoint_url.clone().or_else(|| configured_endpoint(&shared));
    let address = endpoint_url.as_deref().and_then(aws_endpoint);
    let is_path = names_bucket_in_path(options, endpoint_url.as_deref(), address.as_ref());
    // An access point or an address of a region accepts only requests that were signed for its region.
    let named = region_of_access_point(&options.bucket).map(str::to_owned);
    let named = named.or_else(|| address.and_then(|address| address.region));
    let region = named.unwrap_or_else(|| shared.region().map_or(REGION_DEFAULT, AsRef::as_ref).to_owned());
    let is_encrypted = endpoint_url.as_ref().is_none_or(|url| !url.starts_with("http://"));
    let mut builder = Builder::from(&shared)
        .force_path_style(is_path)
        .region(Region::new(region.clone()))
        .interceptor(WatchBodies);
    if is_set_to_nothing("AWS_ENDPOINT_URL_S3") || is_set_to_nothing("AWS_ENDPOINT_URL") {
        builder.set_endpoint_url(endpoint_url.clone());
    }
    let client = Client::from_conf(builder.build());
    Connection { client, region, endpoint_url, is_encrypted }
}

/// Begins the configuration that is common to the clients of all services.
pub(crate) fn configuration(
    region: Option<&String>,
    endpoint_url: Option<&String>,
    credentials: &Credentials,
    timeouts: TimeoutConfigBuilder,
) -> ConfigLoader {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region_chain(region, credentials))
        // Only one layer repeats requests, and it is not the SDK: decision 0009.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.connect_timeout(CONNECT_TIME_MAX).build());
    match endpoint_url {
        Some(url) => loader.endpoint_url(url),
        None => loader,
    }
}

/// Returns whether requests name the bucket in the path. Access points and the edge network only recognize it
/// in the host name.
fn names_bucket_in_path(
    options: &S3Options,
    endpoint_url: Option<&str>,
    address: Option<&AwsEndpoint>,
) -> bool {
    let needs_host = is_access_point(&options.bucket)
        || address.is_some_and(|address| address.kind == AwsEndpointKind::Accelerated);
    match options.addressing {
        Addressing::Automatic => endpoint_url.is_some() && !needs_host,
        Addressing::Path => !needs_host,
        Addressing::Virtual => false,
    }
}

/// Returns the URL of a server for all services, if the environment or the profile names one.
pub(crate) fn configured_endpoint(shared: &SdkConfig) -> Option<String> {
    shared.endpoint_url().filter(|url| !url.is_empty()).map(str::to_owned)
}

/// Returns whether a variable is set to an empty text, which the SDK would take for a URL.
#[expect(clippy::disallowed_methods, reason = "the SDK reads these variables itself")]
pub(crate) fn is_set_to_nothing(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

/// Returns the sources of the region: the given one, the profile, the SDK's own chain.
pub(crate) fn region_chain(given: Option<&String>, credentials: &Credentials) -> RegionProviderChain {
    let mut chain = RegionProviderChain::first_try(given.cloned().map(Region::new));
    if let Credentials::Profile { name } = credentials {
        chain = chain.or_else(ProfileFileRegionProvider::builder().profile_name(name).build());
    }
    chain.or_default_provider().or_else(REGION_DEFAULT)
}

/// Sets the credentials, and the certificates to trust, also for the sources of the credentials.
pub(crate) async fn with_credentials(
    loader: ConfigLoader,
    credentials: &Credentials,
    trust: &Trust,
) -> ConfigLoader {
    let http_client = http_client(trust);
    let loader = loader.http_client(http_client.clone());
    match credentials {
        Credentials::Chain => loader,
        Credentials::Profile { name } => {
            // The default chain would prefer the environment.
            let configuration = ProviderConfig::with_default_region().await.with_http_client(http_client);
            let profile = ProfileFileCredentialsProvider::builder().configure(&configuration);
            loader.profile_name(name).credentials_provider(profile.profile_name(name).build())
        }
        Credentials::Static { access_key_id, secret_access_key } => {
            let name = "given to the store";
            loader.credentials_provider(aws_credential_types::Credentials::new(
                access_key_id,
                secret_access_key,
                None,
                None,
                name,
            ))
        }
    }
}
