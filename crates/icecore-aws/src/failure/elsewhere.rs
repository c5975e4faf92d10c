//! Requests that did not reach the right server: no connection, no credentials for lack of a connection, a
//! redirect.

use icecore_store::error::{ConnectionCause, StoreError};

use super::ServiceFailure;
use crate::{connection, location::S3Location, network::Peer};

/// The place to which the server redirects the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Elsewhere {
    /// Region of the bucket.
    pub(super) region: Option<String>,
    /// Scheme and host to which the answer redirects.
    pub(super) redirect: Option<String>,
}

impl ServiceFailure {
    /// Returns the error of a request without an answer. If the server has answered before, the error is
    /// transient.
    pub(super) fn unreachable(
        self,
        at: &S3Location,
        operation: &'static str,
        key: &str,
        is_reached: bool,
    ) -> StoreError {
        let cause = connection::cause(&self.message);
        let may_pass = cause.may_pass();
        let peer = self.peer.map_or_else(|| at.peer(), |peer| *peer);
        let error = StoreError::Unreachable { endpoint: peer.url, proxy: peer.proxy, cause };
        if !is_reached || !may_pass {
            return error;
        }
        let (key, reason) = (key.to_owned(), error.to_string());
        StoreError::Unavailable { operation, key, reason, retry_after: None }
    }

    /// Returns the error of credentials that could not be fetched; if a connection failed, the error of that
    /// connection.
    pub(super) fn without_credentials(self, location: String) -> StoreError {
        match self.unreached() {
            Some((peer, cause)) => StoreError::Unreachable {
                endpoint: format!("{} for credentials", peer.url),
                proxy: peer.proxy,
                cause,
            },
            None => StoreError::NoCredentials { location, reason: self.reason() },
        }
    }

    /// Returns the server that could not be reached, and the cause. Ignores metadata services, which exist
    /// only on AWS.
    pub(crate) fn unreached(&self) -> Option<(Peer, ConnectionCause)> {
        let peer = self.peer.as_deref().filter(|peer| !peer.is_metadata_service())?;
        Some((peer.clone(), connection::cause(&self.message)))
    }

    /// Returns the error of an answer that redirects to TLS, and not to another region of S3.
    pub(super) fn redirected(&self, at: &S3Location) -> Option<StoreError> {
        let elsewhere = self.elsewhere.as_ref().filter(|elsewhere| elsewhere.region.is_none())?;
        let target = elsewhere.redirect.as_deref()?;
        let endpoint = at.endpoint();
        let is_secure = endpoint.starts_with("http://") && target.starts_with("https://");
        is_secure.then(|| StoreError::Redirected { endpoint, target: target.to_owned() })
    }
}
