//! Finds the reason for a failed connection in the errors of the layers below.

use icecore_store::error::ConnectionCause;

/// Longest list of names that is shown, in bytes.
const NAMES_LENGTH_MAX: usize = 200;

/// Finds the cause in the texts of an error and its causes. For most causes, neither the SDK nor its HTTP
/// client has error kinds.
pub(crate) fn cause(message: &str) -> ConnectionCause {
    let has = |text: &str| message.contains(text);
    match () {
        () if has("proxy authorization required") => ConnectionCause::ProxyCredentials,
        () if has("tunnel error: unsuccessful") => ConnectionCause::ProxyRefused,
        () if has("CaUsedAsEndEntity") => ConnectionCause::AuthorityCertificate,
        () if has("UnknownIssuer") => ConnectionCause::UntrustedCertificate,
        () if has("certificate expired") || has("invalid peer certificate: Expired") => {
            ConnectionCause::ExpiredCertificate
        }
        () if has("certificate not valid yet") || has("NotValidYet") => ConnectionCause::EarlyCertificate,
        () if has("certificate not valid for name") || has("NotValidForName") => {
            ConnectionCause::MisnamedCertificate { names: valid_names(message) }
        }
        () if has("received corrupt message") => ConnectionCause::NoTls,
        () if has("peer certificate") => ConnectionCause::BadCertificate { reason: last_cause(message) },
        () if has("failed to lookup address") || has("dns error") => ConnectionCause::NoSuchHost,
        () if has("Connection refused") => ConnectionCause::Refused,
        () if has("timeout occurred")
            || has("timed out")
            || has("no answer within")
            || has("no data moved for") =>
        {
            ConnectionCause::NoAnswer
        }
        () => ConnectionCause::Broken { reason: message.to_owned() },
    }
}

/// Returns the names in a certificate, as the TLS library writes them: `DnsName("a") or
/// IpAddress(127.0.0.1)`.
fn valid_names(message: &str) -> Option<String> {
    let (_, names) = message.split_once("certificate is only valid for ")?;
    let is_list = !names.is_empty() && names.len() <= NAMES_LENGTH_MAX;
    is_list.then(|| names.to_owned())
}

/// Returns the innermost cause.
fn last_cause(message: &str) -> String {
    message.rsplit_once("peer certificate: ").map_or(message, |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests;
