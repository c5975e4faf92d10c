//! A client that is created again when its credentials have expired.

use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_s3::Client;

use super::{Connection, connect};
use crate::options::S3Options;

/// The SDK's client, which caches the credentials, and the settings to create it again.
#[derive(Debug)]
pub(crate) struct RenewableClient {
    /// The client, and the number of its predecessors.
    current: RwLock<(Client, u64)>,
    /// Held while a new client is created.
    renewal: tokio::sync::Mutex<()>,
    options: Arc<S3Options>,
}

impl RenewableClient {
    /// Begins with a client that was created from these options.
    pub(crate) fn new(client: Client, options: Arc<S3Options>) -> Self {
        Self { current: RwLock::new((client, 0)), renewal: tokio::sync::Mutex::default(), options }
    }

    /// Returns the client, and the number of renewals so far.
    pub(crate) fn current(&self) -> (Client, u64) {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Creates a new client, which fetches the credentials again, unless another task has done so since
    /// `renewals` was read. Otherwise credentials without an expiry time (in a profile that a tool rewrites
    /// regularly) would be cached forever.
    pub(crate) async fn renew(&self, renewals: u64) {
        let _renewing = self.renewal.lock().await;
        if self.current().1 != renewals {
            return;
        }
        let Connection { client, .. } = connect(&self.options).await;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (client, renewals + 1);
    }
}
