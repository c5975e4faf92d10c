//! What can fail in a store call.

use std::{io, time::Duration};

/// Error of a store call. The text fits after "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no object under the key.
    #[error("object {key} does not exist")]
    NotFound {
        /// Key that was asked for.
        key: String,
    },
    /// The key exists already, and the put required it to be absent.
    #[error("object {key} already exists")]
    AlreadyExists {
        /// Key that was to be created.
        key: String,
    },
    /// The object is not in the state that the caller named.
    #[error("object {key} was changed by somebody else")]
    VersionMismatch {
        /// Key that was to be replaced or deleted.
        key: String,
    },
    /// The key does not have the allowed form.
    #[error("{key:?} is not a valid object key")]
    InvalidKey {
        /// The key as given.
        key: String,
    },
    /// The range begins beyond the end of the object, or is empty.
    #[error("range {start}..{end} is outside of object {key}, which has {size} bytes")]
    InvalidRange {
        /// Key that was read.
        key: String,
        /// Length of the object in bytes.
        size: u64,
        /// First byte asked for.
        start: u64,
        /// One past the last byte asked for.
        end: u64,
    },
    /// The store refuses for lack of rights, and will refuse again.
    #[error("access to {key} denied: {reason}")]
    AccessDenied {
        /// The key, or the location of the store if no single key is meant.
        key: String,
        /// Message of the store or of the operating system.
        reason: String,
    },
    /// A permission for an action on a remote store is missing. Retrying is useless until somebody changes a
    /// policy.
    #[error("{} on {} is not allowed: {}", .0.action, .0.resource, .0.reason)]
    NotPermitted(Box<MissingPermission>),
    /// There is no bucket with this name.
    #[error("bucket {bucket} does not exist")]
    NoSuchBucket {
        /// Name of the bucket.
        bucket: String,
    },
    /// The bucket is in another region than the request was sent to.
    #[error("bucket {bucket} is in {}", region.as_deref().map_or_else(|| "another region".to_owned(), |region| format!("the region {region}")))]
    WrongRegion {
        /// Name of the bucket.
        bucket: String,
        /// The region of the bucket, if the store named it.
        region: Option<String>,
    },
    /// There are no credentials for the store, or they could not be fetched.
    #[error("no credentials for {location}: {reason}")]
    NoCredentials {
        /// Location of the store.
        location: String,
        /// Reason.
        reason: String,
    },
    /// The store does not accept the credentials.
    #[error("the credentials for {location} were rejected: {reason}")]
    CredentialsRefused {
        /// Location of the store.
        location: String,
        /// Message of the store.
        reason: String,
        /// Whether they were valid but have expired.
        expired: bool,
    },
    /// The clocks of this machine and of the store differ too much, so the store refuses signed requests.
    #[error("this machine's clock is wrong: it differs from that of {location} by {} s", .seconds.map_or_else(|| "more than 900".to_owned(), |seconds| seconds.to_string()))]
    ClockSkew {
        /// Location of the store.
        location: String,
        /// This machine's time minus the store's time, in seconds, if the store sent its time.
        seconds: Option<i64>,
    },
    /// The object is in a storage class from which it must be restored before it can be read.
    #[error("object {key} is archived ({class}) and has to be thawed before it can be read")]
    Archived {
        /// Key of the object.
        key: String,
        /// Its storage class, as named by the store.
        class: String,
    },
    /// The store has no room left.
    #[error("no space left for {key}: {reason}")]
    NoSpace {
        /// Key that was to be written.
        key: String,
        /// Message of the store or of the operating system.
        reason: String,
    },
    /// The store was opened or mounted read-only.
    #[error("cannot change {key}: the store is read-only")]
    ReadOnly {
        /// Key that was to be changed.
        key: String,
    },
    /// The store asks to slow down or is briefly unavailable; the same call may succeed later.
    #[error("{operation} {key} failed temporarily: {reason}")]
    Unavailable {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
        /// Message of the store.
        reason: String,
        /// How long the store asked to wait, if it did.
        retry_after: Option<Duration>,
    },
    /// The store cannot be reached.
    #[error("cannot reach {endpoint}{}: {cause}", through(proxy.as_deref()))]
    Unreachable {
        /// Address of the server.
        endpoint: String,
        /// URL of the proxy that was used, without its password.
        proxy: Option<String>,
        /// Why there is no connection.
        cause: ConnectionCause,
    },
    /// The server requires TLS.
    #[error("{endpoint} redirects to {target}")]
    Redirected {
        /// Address that the answer came from.
        endpoint: String,
        /// Scheme and host of the redirection.
        target: String,
    },
    /// The server is not a store: a web server, a console, or the login page of a network.
    #[error("{endpoint} does not answer like S3: {reason}")]
    ForeignAnswer {
        /// Address that the answer came from.
        endpoint: String,
        /// Evidence.
        reason: String,
    },
    /// The store does not list all objects.
    #[error("{location} lists only some of the objects below {prefix:?}: {reason}")]
    IncompleteList {
        /// Location of the store.
        location: String,
        /// Prefix that was listed.
        prefix: String,
        /// Evidence.
        reason: &'static str,
    },
    /// There is something other than an object under the key (a directory, a symbolic link, …).
    #[error("{key} is {found}, not an object")]
    NotAnObject {
        /// Key of the call.
        key: String,
        /// What it is instead, with its article.
        found: &'static str,
    },
    /// The directory that should be opened as a store does not exist.
    #[error("directory {location} does not exist")]
    NoSuchDirectory {
        /// Path of the store.
        location: String,
    },
    /// The file system lacks a feature that every store must have.
    #[error("{location} cannot be used as a store: {reason}")]
    Unsupported {
        /// Path or key of the failed step.
        location: String,
        /// The missing feature.
        reason: String,
    },
    /// The program was asked to stop ([`crate::stop::Stop`]): the call was not begun, or was interrupted. It
    /// is unknown whether a change was applied.
    #[error("the command was interrupted")]
    Interrupted,
    /// A [`crate::fault::FaultPlan`] made the store crash: nothing was applied, and nothing will be.
    #[error("{operation} {key}: the store crashed, as its fault plan says")]
    Crashed {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
    },
    /// The store refuses the call; only a different call could succeed.
    #[error("{operation} {key} was refused: {reason}")]
    Refused {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
        /// Message of the store.
        reason: String,
    },
    /// Any other failure of the operating system.
    #[error("{operation} {key}")]
    Io {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Why there is no connection to a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionCause {
    /// No program listens at this address, or a firewall refuses the connection.
    #[error("the connection was refused")]
    Refused,
    /// The name service does not know the host.
    #[error("the host name does not exist")]
    NoSuchHost,
    /// No answer arrived in time.
    #[error("no answer")]
    NoAnswer,
    /// Nobody whom this host trusts signed the server's certificate.
    #[error("its certificate is not trusted (unknown issuer)")]
    UntrustedCertificate,
    /// The server presents the certificate of an authority as its own.
    #[error(
        "its certificate is a CA certificate (CA:TRUE), but a server needs its own certificate (CA:FALSE)"
    )]
    AuthorityCertificate,
    /// The server's certificate has expired.
    #[error("its certificate has expired")]
    ExpiredCertificate,
    /// The server's certificate is not valid yet.
    #[error("its certificate is not valid yet")]
    EarlyCertificate,
    /// The server's certificate is for another host.
    #[error("its certificate is for another host name{}", names.as_ref().map(|names| format!(": {names}")).unwrap_or_default())]
    MisnamedCertificate {
        /// The names in it, as the TLS library writes them.
        names: Option<String>,
    },
    /// The server's certificate was refused for another reason.
    #[error("its certificate is not accepted ({reason})")]
    BadCertificate {
        /// Message of the TLS library.
        reason: String,
    },
    /// The server does not use TLS at this port.
    #[error("it does not use TLS at this port")]
    NoTls,
    /// The proxy cannot connect to the server.
    #[error("the proxy refuses to connect to it")]
    ProxyRefused,
    /// The proxy requires credentials.
    #[error("the proxy requires a user name and a password")]
    ProxyCredentials,
    /// The connection ended before an answer arrived.
    #[error("{reason}")]
    Broken {
        /// Message of the system.
        reason: String,
    },
}

impl ConnectionCause {
    /// Returns whether the same connection may succeed a little later, without any change of the settings.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::NoSuchHost | Self::NoAnswer | Self::ProxyRefused | Self::Broken { .. }
        )
    }

    /// Returns whether the server's certificate is the cause.
    pub fn is_certificate(&self) -> bool {
        matches!(
            self,
            Self::UntrustedCertificate
                | Self::AuthorityCertificate
                | Self::ExpiredCertificate
                | Self::EarlyCertificate
                | Self::MisnamedCertificate { .. }
                | Self::BadCertificate { .. }
        )
    }
}

/// Names the proxy of a connection.
fn through(proxy: Option<&str>) -> String {
    proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
}

/// A missing permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPermission {
    /// The action, as named in policies, such as `s3:PutObject`.
    pub action: String,
    /// The resource, as named in policies.
    pub resource: String,
    /// The resource to name in a policy that allows the action on the whole repository.
    pub scope: String,
    /// Message of the store.
    pub reason: String,
}

impl StoreError {
    /// Returns whether the same call may succeed if it is repeated a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Unreachable { cause, .. } => cause.may_pass(),
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
            ),
            _ => false,
        }
    }

    /// Returns whether the object must be thawed before it can be read.
    pub fn is_archived(&self) -> bool {
        matches!(self, Self::Archived { .. })
    }

    /// Returns whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
