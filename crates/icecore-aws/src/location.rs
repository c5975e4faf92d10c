//! The location of a store in its bucket: full keys, names for policies, and the text in messages.

use std::time::{Duration, SystemTime};

use icecore_store::Environment;

use crate::{
    network::{Peer, Proxies},
    options::S3Options,
};

/// The location of a store in a bucket, and its server.
#[derive(Clone, Debug)]
pub(crate) struct S3Location {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) region: String,
    /// Proxy that is used to reach the server.
    proxy: Option<String>,
    environment: Environment,
}

impl S3Location {
    /// Creates the location that the options name, on the given server.
    pub(crate) fn new(
        options: &S3Options,
        region: String,
        endpoint_url: Option<String>,
        environment: Environment,
    ) -> Self {
        let proxies = Proxies::of_environment();
        let proxy = match &endpoint_url {
            Some(url) => proxies.of_url(url),
            None => proxies.of_url(&format!("https://s3.{region}.amazonaws.com")),
        };
        Self {
            bucket: options.bucket.clone(),
            prefix: options.prefix.clone(),
            endpoint_url,
            region,
            proxy,
            environment,
        }
    }

    #[cfg(test)]
    pub(crate) fn example(environment: Environment) -> Self {
        Self {
            bucket: "bucket".to_owned(),
            prefix: "prefix".to_owned(),
            endpoint_url: None,
            region: "eu-central-1".to_owned(),
            proxy: None,
            environment,
        }
    }

    #[cfg(test)]
    pub(crate) fn at_url(url: &str, environment: Environment) -> Self {
        Self { endpoint_url: Some(url.to_owned()), ..Self::example(environment) }
    }

    /// Returns the address of the server, if it is known: in the partitions of AWS, the SDK chooses the host.
    pub(crate) fn endpoint(&self) -> String {
        self.endpoint_url.clone().unwrap_or_else(|| format!("S3 in the region {}", self.region))
    }

    /// Returns the server and its proxy, if they are known.
    pub(crate) fn peer(&self) -> Peer {
        Peer { url: self.endpoint(), proxy: self.proxy.clone() }
    }

    /// Returns the location, as used in messages.
    pub(crate) fn text(&self) -> String {
        let Self { bucket, prefix, .. } = self;
        let at = self.endpoint_url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
        if prefix.is_empty() { format!("s3://{bucket}{at}") } else { format!("s3://{bucket}/{prefix}{at}") }
    }

    /// Returns the key in the bucket.
    pub(crate) fn full_key(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    /// Returns the store's own key, if the key in the bucket belongs to it.
    pub(crate) fn own_key<'key>(&self, full: &'key str) -> Option<&'key str> {
        if self.prefix.is_empty() { Some(full) } else { full.strip_prefix(&self.prefix)?.strip_prefix('/') }
    }

    pub(crate) fn bucket_arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.bucket)
    }

    pub(crate) fn object_arn(&self, key: &str) -> String {
        format!("arn:aws:s3:::{}/{}", self.bucket, self.full_key(key))
    }

    /// Returns how many seconds this machine is ahead of the server.
    pub(crate) fn skew(&self, server_time: Option<SystemTime>) -> Option<i64> {
        let (server, ours) = (server_time?, self.environment.clock.now());
        let seconds = |ahead: Duration| i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX);
        Some(match ours.duration_since(server) {
            Ok(ahead) => seconds(ahead),
            Err(behind) => -seconds(behind.duration()),
        })
    }
}
