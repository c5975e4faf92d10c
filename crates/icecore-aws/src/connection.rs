//! Why no connection came about, from what the layers below say.

use icecore_store::error::ConnectionCause;

/// Finds the cause in the texts of an error and its causes. Neither the SDK nor its HTTP client has kinds for most of them.
pub(crate) fn cause(message: &str) -> ConnectionCause {
    let has = |text: &str| message.contains(text);
    match () {
        () if has("UnknownIssuer") || has("CaUsedAsEndEntity") => ConnectionCause::UntrustedCertificate,
        () if has("certificate expired") || has("invalid peer certificate: Expired") => {
            ConnectionCause::ExpiredCertificate
        }
        () if has("certificate not valid yet") || has("NotValidYet") => ConnectionCause::EarlyCertificate,
        () if has("certificate not valid for name") || has("NotValidForName") => {
            ConnectionCause::MisnamedCertificate
        }
        () if has("received corrupt message") => ConnectionCause::NoTls,
        () if has("peer certificate") => ConnectionCause::BadCertificate { reason: last_cause(message) },
        () if has("failed to lookup address") || has("dns error") => ConnectionCause::NoSuchHost,
        () if has("Connection refused") => ConnectionCause::Refused,
        () if has("timeout occurred") || has("timed out") || has("no end within") => {
            ConnectionCause::NoAnswer
        }
        () => ConnectionCause::Broken { reason: message.to_owned() },
    }
}

/// Returns the innermost cause.
fn last_cause(message: &str) -> String {
    message.rsplit_once("peer certificate: ").map_or(message, |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests;
