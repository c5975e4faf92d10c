//! Advice about servers that cannot be reached.

use icecore_store::error::ConnectionCause;

use super::{Advice, Flag, Piece, advice};

/// Returns what to do about a failed connection; `setting` is where the address of the server is set.
pub(super) fn of(endpoint: &str, proxy: Option<&str>, cause: &ConnectionCause, setting: Piece) -> Advice {
    match (cause, proxy) {
        (
            ConnectionCause::Refused
            | ConnectionCause::NoSuchHost
            | ConnectionCause::NoAnswer
            | ConnectionCause::ProxyRefused
            | ConnectionCause::Broken { .. },
            Some(_),
        ) => {
            let host = host(endpoint);
            format!("check the proxy in HTTPS_PROXY or HTTP_PROXY, or bypass it with NO_PROXY={host}").into()
        }
        (ConnectionCause::UntrustedCertificate, Some(_)) => advice![
            "the proxy may intercept connections: give its CA certificate with ",
            Flag::CaFile,
            " FILE"
        ],
        (ConnectionCause::AuthorityCertificate, _) => own_certificate(&host(endpoint)),
        (cause, _) => direct(cause, setting),
    }
}

fn direct(cause: &ConnectionCause, setting: Piece) -> Advice {
    match cause {
        ConnectionCause::Refused => advice!["check ", setting, ", and that the server is running"],
        ConnectionCause::NoSuchHost => {
            advice!["check the host name in ", setting, ", or ", Flag::Region, ", and DNS on this machine"]
        }
        ConnectionCause::NoAnswer => {
            advice!["check ", setting, ", and that no firewall blocks the connection"]
        }
        ConnectionCause::UntrustedCertificate => advice![
            "give the certificate of its issuer with ",
            Flag::CaFile,
            " FILE or AWS_CA_BUNDLE, or add it to the certificates that this machine trusts"
        ],
        ConnectionCause::BadCertificate { .. } => advice![
            "give the current certificate of its issuer with ",
            Flag::CaFile,
            " FILE or AWS_CA_BUNDLE"
        ],
        ConnectionCause::ExpiredCertificate => {
            "renew the certificate on the server, or correct the clock of this machine if it is wrong".into()
        }
        ConnectionCause::EarlyCertificate => {
            "correct the clock of this machine, for example with a time service such as chrony".into()
        }
        ConnectionCause::MisnamedCertificate { .. } => {
            advice!["use a host name in ", setting, " that the certificate of the server names"]
        }
        ConnectionCause::NoTls => {
            advice!["use http:// instead of https:// in ", setting, ", or use the TLS port of the server"]
        }
        ConnectionCause::ProxyCredentials => {
            "add the user and password to the URL: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT".into()
        }
        _ => advice!["check ", setting, "; use https:// if the server uses TLS"],
    }
}

/// Returns how to make a certificate for a server that every client accepts if it is told to trust it.
fn own_certificate(host: &str) -> Advice {
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    advice![
        "create a certificate for the server, and give cert.pem with ",
        Flag::CaFile,
        format!(
            ": openssl req -x509 -newkey rsa:2048 -nodes -days 825 -keyout key.pem -out cert.pem -subj /CN={host} -addext \
             subjectAltName={kind}:{host} -addext basicConstraints=critical,CA:FALSE"
        )
    ]
}

/// Returns the host in the URL of a server.
fn host(endpoint: &str) -> String {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', ' ']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default().to_owned(),
        None => authority.split(':').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
