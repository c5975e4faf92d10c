//! A client that is made again when its credentials have expired.

use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_s3::Client;

use super::{Connection, connect};
use crate::options::S3Options;

/// The SDK's client, which keeps the credentials, and how it is made again.
#[derive(Debug)]
pub(crate) struct RenewableClient {
    /// The client, and how many were there before it.
    current: RwLock<(Client, u64)>,
    /// Held by whoever makes a new client.
    renewal: tokio::sync::Mutex<()>,
    options: Arc<S3Options>,
}

impl RenewableClient {
    /// Begins with a client that was made for these options.
    pub(crate) fn new(client: Client, options: Arc<S3Options>) -> Self {
        Self { current: RwLock::new((client, 0)), renewal: tokio::sync::Mutex::default(), options }
    }

    /// Returns the client, and how often it was renewed.
    pub(crate) fn current(&self) -> (Client, u64) {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a new client, which fetches the credentials again, unless somebody has done so since `renewals`
    /// was read. Otherwise credentials without a time of expiry (in a profile that a tool writes again and
    /// again) are kept for ever.
    pub(crate) async fn renew(&self, renewals: u64) {
        let _renewing = self.renewal.lock().await;
        if self.current().1 != renewals {
            return;
        }
        let Connection { client, .. } = connect(&self.options).await;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (client, renewals + 1);
    }
}
