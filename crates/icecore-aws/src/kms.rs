//! Data keys of AWS KMS: generated once for a key slot, unwrapped once in each run.

use std::collections::HashMap;

use aws_sdk_kms::{Client, primitives::Blob, types::DataKeySpec};
use icecore_store::{error::ConnectionCause, retry::Repetition};
use zeroize::Zeroizing;

use crate::{
    failure::{FailureKind, ServiceFailure},
    network::Peer,
    options::Credentials,
    trust::Trust,
};

mod requests;

use self::requests::KmsRequester;

/// Bytes of a data key.
const KEY_BYTES: usize = 32;

/// Options for requests to KMS.
#[derive(Clone, Debug)]
pub struct KmsOptions {
    /// URL of the server; if absent, taken from `AWS_ENDPOINT_URL_KMS` or the profile.
    pub endpoint_url: Option<String>,
    /// Region; if absent, taken from the SDK's own chain.
    pub region: Option<String>,
    /// Credentials of the requests.
    pub credentials: Credentials,
    /// Certificates to trust.
    pub trust: Trust,
    /// How requests are repeated: time, randomness, the observer of waits, and the signal that ends them.
    pub repetition: Repetition,
}

/// A data key wrapped by KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The data key, encrypted.
    pub wrapped: Vec<u8>,
    /// ARN of the KMS key.
    pub key_arn: String,
}

/// A new data key.
pub struct DataKey {
    /// The data key itself.
    pub secret: Zeroizing<[u8; KEY_BYTES]>,
    /// The data key in the form that can be stored.
    pub wrapped: WrappedKey,
    /// Region in which it was generated.
    pub region: String,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DataKey").field("wrapped", &self.wrapped).finish_non_exhaustive()
    }
}

/// A server that cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot reach {endpoint}{}: {cause}", proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default())]
pub struct Unreached {
    /// Address of the server.
    pub endpoint: String,
    /// URL of the proxy that was used, without its password.
    pub proxy: Option<String>,
    /// Why there is no connection.
    pub cause: ConnectionCause,
}

/// Error of generating or unwrapping a data key. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The permission is missing.
    #[error("use the KMS key {key}: {permission} is not allowed: {reason}")]
    Denied {
        /// Key, as given by the caller.
        key: String,
        /// Permission, as named by IAM.
        permission: &'static str,
        /// Message of KMS.
        reason: String,
    },
    /// The key is disabled, or scheduled for deletion.
    #[error("use the KMS key {key}: it is disabled or scheduled for deletion: {reason}")]
    Unusable {
        /// Key, as given by the caller.
        key: String,
        /// Message of KMS.
        reason: String,
    },
    /// There is no such key.
    #[error("find the KMS key {key}: {reason}")]
    NotFound {
        /// Key, as given by the caller.
        key: String,
        /// Message of KMS.
        reason: String,
    },
    /// The data key was not wrapped by this KMS key for this purpose.
    #[error(
        "unwrap a data key with the KMS key {key}: it was wrapped by another key or for another repository"
    )]
    Foreign {
        /// Key, as given by the caller.
        key: String,
    },
    /// There are no credentials for the request.
    #[error("use KMS: no credentials: {reason}")]
    NoCredentials {
        /// Reason.
        reason: String,
    },
    /// KMS, or the service that provides the credentials for it, cannot be reached.
    #[error("reach KMS: {0}")]
    Unreachable(Box<Unreached>),
    /// KMS cannot be reached, or is overloaded.
    #[error("reach KMS: {reason}")]
    Unavailable {
        /// The problem.
        reason: String,
    },
    /// KMS refused the request, or gave an unexpected answer.
    #[error("use the KMS key {key}: {reason}")]
    Refused {
        /// Key, as given by the caller.
        key: String,
        /// Message of KMS.
        reason: String,
    },
}

/// Generates a data key of 32 bytes under a KMS key (an ARN, an alias or an id), bound to `context`.
pub async fn generate(
    options: &KmsOptions,
    key: &str,
    context: &[(&str, String)],
) -> Result<DataKey, KmsError> {
    let region = region_of_arn(key).map(str::to_owned).or_else(|| options.region.clone());
    let requester = KmsRequester::connect(options, region).await;
    let call = |client: Client| {
        let request = client.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256);
        let request = request.set_encryption_context(Some(encryption_context(context)));
        async { request.send().await.map_err(ServiceFailure::from) }
    };
    let output = requester.request("make a data key with", key, call).await;
    let output = output.map_err(|failure| error_of(&failure, key, "kms:GenerateDataKey"))?;
    let incomplete =
        || KmsError::Refused { key: key.to_owned(), reason: "the answer is incomplete".to_owned() };
    let secret = secret(output.plaintext, key)?;
    let wrapped = output.ciphertext_blob.ok_or_else(incomplete)?.into_inner();
    let key_arn = output.key_id.ok_or_else(incomplete)?;
    Ok(DataKey { secret, wrapped: WrappedKey { wrapped, key_arn }, region: requester.region })
}

/// Unwraps a data key that was generated with the same `context`.
pub async fn unwrap(
    options: &KmsOptions,
    key: &WrappedKey,
    context: &[(&str, String)],
) -> Result<Zeroizing<[u8; KEY_BYTES]>, KmsError> {
    let requester = KmsRequester::connect(options, options.region.clone()).await;
    let call = |client: Client| {
        let request = client.decrypt().key_id(&key.key_arn).ciphertext_blob(Blob::new(key.wrapped.clone()));
        let request = request.set_encryption_context(Some(encryption_context(context)));
        async { request.send().await.map_err(ServiceFailure::from) }
    };
    let output = requester.request("unwrap a data key with", &key.key_arn, call).await;
    let output = output.map_err(|failure| error_of(&failure, &key.key_arn, "kms:Decrypt"))?;
    secret(output.plaintext, &key.key_arn)
}

/// Returns the region that an ARN names.
fn region_of_arn(key: &str) -> Option<&str> {
    key.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

fn encryption_context(context: &[(&str, String)]) -> HashMap<String, String> {
    context.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn secret(plaintext: Option<Blob>, key: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, KmsError> {
    let bytes = Zeroizing::new(plaintext.map(Blob::into_inner).unwrap_or_default());
    let reason = || format!("the data key has {} bytes instead of {KEY_BYTES}", bytes.len());
    let array: [u8; KEY_BYTES] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| KmsError::Refused { key: key.to_owned(), reason: reason() })?;
    Ok(Zeroizing::new(array))
}

fn error_of(failure: &ServiceFailure, key: &str, permission: &'static str) -> KmsError {
    let (key, reason) = (key.to_owned(), failure.reason());
    if let Some((Peer { url, proxy }, cause)) = failure.unreached() {
        return KmsError::Unreachable(Box::new(Unreached { endpoint: url, proxy, cause }));
    }
    match failure.kind {
        FailureKind::NoCredentials => return KmsError::NoCredentials { reason },
        FailureKind::Connection => return KmsError::Unavailable { reason },
        FailureKind::Answered | FailureKind::Unusable => {}
    }
    match failure.code.as_str() {
        "AccessDeniedException" => KmsError::Denied { key, permission, reason },
        "DisabledException" | "KMSInvalidStateException" => KmsError::Unusable { key, reason },
        "NotFoundException" => KmsError::NotFound { key, reason },
        "InvalidCiphertextException" | "IncorrectKeyException" => KmsError::Foreign { key },
        "UnrecognizedClientException" | "InvalidClientTokenId" | "ExpiredTokenException" => {
            KmsError::NoCredentials { reason }
        }
        _ if failure.is_transient() => KmsError::Unavailable { reason },
        _ => KmsError::Refused { key, reason },
    }
}

#[cfg(test)]
mod tests;
