//! The HTTP client of all services: the certificates that it trusts, the proxies that it uses, and the server
//! to name when it fails.

use std::{error::Error, fmt, sync::Arc};

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use hyper_util::client::proxy::matcher::Matcher;

use crate::trust::Trust;

/// Addresses of the metadata services of AWS: on an instance, or in a container.
const METADATA_URLS: [&str; 2] = ["http://169.254.", "http://[fd00:ec2:"];

/// A server that was contacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Scheme, host and port.
    pub(crate) url: String,
    /// URL of the proxy that was used, without its password.
    pub(crate) proxy: Option<String>,
}

impl Peer {
    /// Returns whether it is a metadata service, which exists only on AWS.
    pub(crate) fn is_metadata_service(&self) -> bool {
        METADATA_URLS.iter().any(|start| self.url.starts_with(start))
    }

    /// Finds the server that was contacted among the causes of an error.
    pub(crate) fn of_error<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(found) = cause.downcast_ref::<PeerError>() {
                return Some(&found.peer);
            }
            next = cause.source();
        }
        None
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)?;
        match &self.proxy {
            Some(proxy) => write!(formatter, " through the proxy {proxy}"),
            None => Ok(()),
        }
    }
}

/// An error of a connection, with its server.
#[derive(Debug)]
pub(crate) struct PeerError {
    peer: Peer,
    source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for PeerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot reach {}", self.peer)
    }
}

impl Error for PeerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// The proxies in the environment, read in the same way as by the SDK.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<Matcher>);

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    pub(crate) fn of_environment() -> Self {
        Self::of(Matcher::from_env())
    }

    /// Takes `*` among the exceptions literally: the library applies it only to host names, not to addresses.
    fn of(matcher: Matcher) -> Self {
        let is_used = ["http://host.invalid", "https://host.invalid"].iter().any(|url| {
            // An unknown host is not an exception, unless every host is.
            url.parse().is_ok_and(|url| matcher.intercept(&url).is_some())
        });
        Self(Arc::new(if is_used { matcher } else { Matcher::builder().build() }))
    }

    /// Returns whether there is no proxy at all.
    fn is_empty(&self) -> bool {
        let named = ["http://host.invalid", "https://host.invalid"];
        named.iter().all(|url| self.of_url(url).is_none())
    }

    /// Returns the proxy for the server at a URL, if there is one.
    pub(crate) fn of_url(&self, url: &str) -> Option<String> {
        let intercept = self.0.intercept(&url.parse().ok()?)?;
        Some(origin(&intercept.uri().to_string()))
    }

    /// Returns the server and the proxy for a URL.
    pub(crate) fn peer(&self, url: &str) -> Peer {
        Peer { url: origin(url), proxy: self.of_url(url) }
    }
}

/// Returns scheme, host and port of a URL: the other parts may be secret.
pub(crate) fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// Creates the HTTP client that all services use.
pub(crate) fn http_client(trust: &Trust) -> SharedHttpClient {
    let proxies = Proxies::of_environment();
    let config = if proxies.is_empty() { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
    let context = trust.tls_context();
    // Created like the SDK's own client, except for the certificates.
    let inner = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone());
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.set_proxy_config(Some(config.clone()));
        builder.build()
    });
    SharedHttpClient::new(NamingClient { inner, proxies })
}

/// Adds the server to each error of a connection.
#[derive(Debug)]
struct NamingClient {
    inner: SharedHttpClient,
    proxies: Proxies,
}

impl HttpClient for NamingClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(NamingConnector { inner, proxies: self.proxies.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

#[derive(Debug)]
struct NamingConnector {
    inner: SharedHttpConnector,
    proxies: Proxies,
}

impl HttpConnector for NamingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (url, proxies) = (origin(request.uri()), self.proxies.clone());
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(
            async move { answer.await.map_err(|error| named(error, proxies.peer(&url))) },
        )
    }
}

fn named(error: ConnectorError, peer: Peer) -> ConnectorError {
    let (is_timeout, is_user, is_io, kind) =
        (error.is_timeout(), error.is_user(), error.is_io(), error.as_other());
    let source = Box::new(PeerError { peer, source: error.into_source() });
    match () {
        () if is_timeout => ConnectorError::timeout(source),
        () if is_user => ConnectorError::user(source),
        () if is_io => ConnectorError::io(source),
        () => ConnectorError::other(source, kind),
    }
}

#[cfg(test)]
mod tests;
