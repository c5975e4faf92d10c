//! Makes requests to KMS, and repeats them like those of a store.

use std::{num::NonZeroU32, time::Duration};

use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::{Client, config::Builder};
use icecore_store::retry::{Attempts, Repetition, RetryPolicy};

use super::KmsOptions;
use crate::{
    client::{self, configured_endpoint, is_set_to_nothing, with_credentials},
    failure::ServiceFailure,
};

/// How often and how long a request is repeated while a user waits for it.
const RETRY: RetryPolicy = RetryPolicy {
    attempts_max: const { NonZeroU32::new(3).unwrap() },
    total_max: Duration::from_mins(1),
    delay_first: Duration::from_millis(200),
    delay_max: Duration::from_secs(5),
};
/// Longest time that an attempt may take, with the request for credentials.
const ATTEMPT_TIME_MAX: Duration = Duration::from_mins(1);

/// Makes requests to KMS in one region.
pub(super) struct KmsRequester<'options> {
    client: Client,
    pub(super) region: String,
    /// Address of KMS, if it is known.
    endpoint: String,
    repetition: &'options Repetition,
}

impl<'options> KmsRequester<'options> {
    /// Makes a client; makes no request.
    pub(super) async fn connect(options: &'options KmsOptions, region: Option<String>) -> Self {
        let KmsOptions { endpoint_url, credentials, trust, repetition, .. } = options;
        let timeouts = TimeoutConfig::builder().operation_timeout(ATTEMPT_TIME_MAX);
        let loader = client::configuration(region.as_ref(), endpoint_url.as_ref(), credentials, timeouts);
        let shared = with_credentials(loader, credentials, trust).await.load().await;
        let region = shared.region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
        let mut builder = Builder::from(&shared);
        if is_set_to_nothing("AWS_ENDPOINT_URL_KMS") || is_set_to_nothing("AWS_ENDPOINT_URL") {
            builder.set_endpoint_url(endpoint_url.clone().or_else(|| configured_endpoint(&shared)));
        }
        let endpoint = endpoint_url.clone().unwrap_or_else(|| format!("KMS in the region {region}"));
        Self { client: Client::from_conf(builder.build()), region, endpoint, repetition }
    }

    /// Makes a request until it succeeds or fails permanently. `operation` and `key` name it in reports of
    /// waits.
    pub(super) async fn request<T, Call, Answer>(
        &self,
        operation: &'static str,
        key: &str,
        call: Call,
    ) -> Result<T, ServiceFailure>
    where
        Call: Fn(Client) -> Answer,
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        let mut attempts = Attempts::start(self.repetition, &RETRY, operation, key, self.endpoint.clone());
        loop {
            attempts.begin();
            let failure = match call(self.client.clone()).await {
                Ok(value) => {
                    attempts.succeeded();
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            let may_succeed = failure.is_transient();
            // The error that `wait` returns is not needed: the failure itself is returned.
            if !may_succeed || attempts.wait(&RETRY, failure.unavailable(operation, key)).await.is_err() {
                return Err(failure);
            }
        }
    }
}

#[cfg(test)]
mod tests;
