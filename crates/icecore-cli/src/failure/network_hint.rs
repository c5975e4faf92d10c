//! What to do about a server that cannot be reached.

use icecore_store::error::ConnectionCause;

/// Returns what to do about a connection that did not come about.
pub(crate) fn of_connection(endpoint: &str, proxy: Option<&str>, cause: &ConnectionCause) -> String {
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
            format!("check the proxy in HTTPS_PROXY or HTTP_PROXY, or go around it with NO_PROXY={host}")
        }
        (ConnectionCause::UntrustedCertificate, Some(_)) => {
            "the proxy may look into connections: give the certificate of its authority with --ca-file FILE"
                .to_owned()
        }
        (ConnectionCause::AuthorityCertificate, _) => own_certificate(&host(endpoint)),
        (cause, _) => direct(cause).to_owned(),
    }
}

fn direct(cause: &ConnectionCause) -> &'static str {
    match cause {
        ConnectionCause::Refused => "check --endpoint-url, and that the server runs",
        ConnectionCause::NoSuchHost => {
            "check the host in --endpoint-url, or --region, and the name service of this machine"
        }
        ConnectionCause::NoAnswer => "check --endpoint-url, and that no firewall is in between",
        ConnectionCause::UntrustedCertificate => {
            "give the certificate of its issuer with --ca-file FILE or AWS_CA_BUNDLE, or add it to those that this machine \
             trusts"
        }
        ConnectionCause::BadCertificate { .. } => {
            "give the present certificate of its issuer with --ca-file FILE or AWS_CA_BUNDLE"
        }
        ConnectionCause::ExpiredCertificate => {
            "renew the certificate on the server, or set the clock of this machine if it is wrong"
        }
        ConnectionCause::EarlyCertificate => {
            "set the clock of this machine, best with a time service such as chrony"
        }
        ConnectionCause::MisnamedCertificate { .. } => {
            "use a host name in --endpoint-url that the certificate of the server names"
        }
        ConnectionCause::NoTls => {
            "write http:// instead of https:// in --endpoint-url, or use the port at which the server speaks TLS"
        }
        ConnectionCause::ProxyCredentials => {
            "write user and password into the URL: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
        }
        _ => "check --endpoint-url; a server that speaks TLS wants https://",
    }
}

/// Returns how to make a certificate for a server that every client accepts when it is named.
fn own_certificate(host: &str) -> String {
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    format!(
        "make one for the server, and give cert.pem with --ca-file: openssl req -x509 -newkey rsa:2048 -nodes -days 825 -keyout \
         key.pem -out cert.pem -subj /CN={host} -addext subjectAltName={kind}:{host} -addext \
         basicConstraints=critical,CA:FALSE"
    )
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
