//! Certificates that are trusted.

use std::fmt;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Certificates that are trusted; by default those of the authorities that this machine trusts.
#[derive(Clone, Default)]
pub struct Trust {
    only: Option<TlsContext>,
}

/// Why certificates cannot be used. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// There is no certificate in PEM form.
    #[error("find a certificate in PEM format (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// None of the certificates can be used.
    #[error("read a certificate: {reason}")]
    Unusable {
        /// Message of the TLS library about the first one.
        reason: String,
    },
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trust").field("only_named", &self.only.is_some()).finish()
    }
}

impl Trust {
    /// Trusts only the certificates in a PEM text, and those that they have signed. Unreadable certificates
    /// are skipped as long as there is another one: collections contain very old ones.
    pub fn only(pem: &[u8]) -> Result<Self, TrustError> {
        let mut readable = String::new();
        let mut failed = None;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let outcome = certificate.map_err(|error| error.to_string()).and_then(|certificate| {
                let mut roots = RootCertStore::empty();
                roots.add(certificate.clone()).map_err(|error| error.to_string())?;
                Ok(certificate)
            });
            match outcome {
                Ok(certificate) => readable.push_str(&in_pem(&certificate)),
                Err(reason) => {
                    tracing::info!(reason, "a certificate to trust cannot be read");
                    failed.get_or_insert(reason);
                }
            }
        }
        if readable.is_empty() {
            return Err(failed.map_or(TrustError::NoCertificate, |reason| TrustError::Unusable { reason }));
        }
        let store = TrustStore::empty().with_pem_certificate(readable);
        let context = TlsContext::builder().with_trust_store(store).build();
        let context = context.map_err(|error| TrustError::Unusable { reason: error.to_string() })?;
        Ok(Self { only: Some(context) })
    }

    /// Returns the settings for the HTTP client.
    pub(crate) fn tls_context(&self) -> TlsContext {
        self.only.clone().unwrap_or_default()
    }
}

fn in_pem(certificate: &[u8]) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(certificate)
    )
}

#[cfg(test)]
mod tests;
