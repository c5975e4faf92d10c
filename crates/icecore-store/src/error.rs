//! What can go wrong at the storage border.

use std::{io, time::Duration};

/// Error of a store call. The text fits behind "failed to …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no object under the key.
    #[error("object {key} does not exist")]
    NotFound {
        /// Key that was asked for.
        key: String,
    },
    /// The key exists already, and the put asked for it to be absent.
    #[error("object {key} exists already")]
    AlreadyExists {
        /// Key that was to be created.
        key: String,
    },
    /// The object is in another state than the caller named.
    #[error("object {key} was changed by somebody else")]
    VersionMismatch {
        /// Key that was to be replaced or deleted.
        key: String,
    },
    /// The key is not of the allowed form.
    #[error("{key:?} is not a valid object key")]
    InvalidKey {
        /// The key as given.
        key: String,
    },
    /// The range begins beyond the object's end, or is empty.
    #[error("object {key} has {size} bytes, range {start}..{end} lies outside")]
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
    /// The store refuses, and will refuse again, for lack of rights.
    #[error("access to {key} denied: {reason}")]
    AccessDenied {
        /// Key, or the store's location where no single key is meant.
        key: String,
        /// What the store or the operating system said.
        reason: String,
    },
    /// An action on a remote store is not allowed, and will not be until somebody changes a policy.
    #[error("{} on {} is not allowed: {}", .0.action, .0.resource, .0.reason)]
    NotPermitted(Box<MissingPermission>),
    /// There is no bucket of this name.
    #[error("there is no bucket {bucket}")]
    NoSuchBucket {
        /// Name of the bucket.
        bucket: String,
    },
    /// The bucket is in another region than the one that was asked.
    #[error("bucket {bucket} is in {}", region.as_deref().map_or_else(|| "another region".to_owned(), |region| format!("the region {region}")))]
    WrongRegion {
        /// Name of the bucket.
        bucket: String,
        /// The region that it is in, if the store said so.
        region: Option<String>,
    },
    /// There are no credentials for the store, or they could not be fetched.
    #[error("no credentials for {location}: {reason}")]
    NoCredentials {
        /// Where the store is.
        location: String,
        /// Why not.
        reason: String,
    },
    /// The store does not accept the credentials.
    #[error("the credentials for {location} are refused: {reason}")]
    CredentialsRefused {
        /// Where the store is.
        location: String,
        /// What the store said.
        reason: String,
        /// Whether they were right, but only until a while ago.
        expired: bool,
    },
    /// The clock of this machine is too far from that of the store, which therefore refuses signed requests.
    #[error("this machine's clock is wrong: it differs from that of {location} by {} s", .seconds.map_or_else(|| "more than 900".to_owned(), |seconds| seconds.to_string()))]
    ClockSkew {
        /// Where the store is.
        location: String,
        /// This machine's time less the store's, in seconds, if the store gave its time.
        seconds: Option<i64>,
    },
    /// The object is in a storage class from which it has to be restored before it can be read.
    #[error("object {key} is archived ({class}) and has to be thawed before it can be read")]
    Archived {
        /// Key of the object.
        key: String,
        /// Its storage class, as the store names it.
        class: String,
    },
    /// The store has no room left.
    #[error("no space left for {key}: {reason}")]
    NoSpace {
        /// Key that was to be written.
        key: String,
        /// What the store or the operating system said.
        reason: String,
    },
    /// The store is read-only (opened so, or mounted so).
    #[error("cannot change {key}: the store is read-only")]
    ReadOnly {
        /// Key that was to be changed.
        key: String,
    },
    /// The store asks to slow down or is briefly unavailable; the same call may succeed later.
    #[error("{operation} {key} failed for now: {reason}")]
    Unavailable {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
        /// What the store said.
        reason: String,
        /// How long the store asked to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// The store cannot be reached.
    #[error("cannot reach {endpoint}{}: {cause}", through(proxy.as_deref()))]
    Unreachable {
        /// Where the server should be.
        endpoint: String,
        /// URL of the proxy that was asked instead, without its password.
        proxy: Option<String>,
        /// Why there is no connection.
        cause: ConnectionCause,
    },
    /// The server wants to be asked with TLS.
    #[error("{endpoint} redirects to {target}")]
    Redirected {
        /// Where the answer comes from.
        endpoint: String,
        /// Scheme and host to which it redirects.
        target: String,
    },
    /// Something answers that is no store: a web server, a console, the login page of a network.
    #[error("{endpoint} does not answer like S3: {reason}")]
    ForeignAnswer {
        /// Where the answer comes from.
        endpoint: String,
        /// What shows it.
        reason: String,
    },
    /// The store does not list all that there is.
    #[error("{location} lists only a part of the objects below {prefix:?}: {reason}")]
    IncompleteList {
        /// Where the store is.
        location: String,
        /// Prefix that was listed.
        prefix: String,
        /// What shows it.
        reason: &'static str,
    },
    /// Something other than an object stands under the key (a directory, a symbolic link, …).
    #[error("{key} is {found}, not an object")]
    NotAnObject {
        /// Key of the call.
        key: String,
        /// What stands there instead, with its article.
        found: &'static str,
    },
    /// There is no directory at the place where the store was to be opened.
    #[error("directory {location} does not exist")]
    NoSuchDirectory {
        /// Path of the store.
        location: String,
    },
    /// The file system cannot do what a store must promise.
    #[error("{location} cannot be used as a store: {reason}")]
    Unsupported {
        /// Path or key that the store was working on.
        location: String,
        /// What is missing.
        reason: String,
    },
    /// Everything is to stop ([`crate::stop::Stop`]): the call was not begun, or left where it was. Whether a
    /// change was applied is not known.
    #[error("the command was interrupted")]
    Interrupted,
    /// The store is dead by order of a [`crate::fault::FaultPlan`]: nothing was applied, nothing will be.
    #[error("{operation} {key}: the store crashed, as its fault plan says")]
    Crashed {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
    },
    /// The store does not carry out the call, and the call would have to be another one for that.
    #[error("{operation} {key} was refused: {reason}")]
    Refused {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
        /// What the store said.
        reason: String,
    },
    /// Any other failure of the operating system.
    #[error("{operation} {key}")]
    Io {
        /// Name of the call (`get`, `put`, …).
        operation: &'static str,
        /// Key of the call.
        key: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Why there is no connection to a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionCause {
    /// No program listens there, or a firewall refuses.
    #[error("the connection was refused")]
    Refused,
    /// The name service does not know the host.
    #[error("there is no host of this name")]
    NoSuchHost,
    /// Nothing came back in time.
    #[error("there is no answer")]
    NoAnswer,
    /// The server's certificate is signed by nobody whom this host trusts.
    #[error("its certificate is not trusted (unknown issuer)")]
    UntrustedCertificate,
    /// The server shows the certificate of an authority as its own.
    #[error(
        "its certificate is that of an authority (CA:TRUE), and a server needs one of its own (CA:FALSE)"
    )]
    AuthorityCertificate,
    /// The server's certificate is too old.
    #[error("its certificate has expired")]
    ExpiredCertificate,
    /// The server's certificate is too new.
    #[error("its certificate is not valid yet")]
    EarlyCertificate,
    /// The server's certificate is one of another host.
    #[error("its certificate is for another host name{}", names.as_ref().map(|names| format!(": {names}")).unwrap_or_default())]
    MisnamedCertificate {
        /// The names that it has, as the TLS library writes them.
        names: Option<String>,
    },
    /// The server's certificate is refused for another reason.
    #[error("its certificate is not accepted ({reason})")]
    BadCertificate {
        /// What the TLS library said.
        reason: String,
    },
    /// The server does not speak TLS at this port.
    #[error("it does not speak TLS there")]
    NoTls,
    /// The proxy does not connect to the server.
    #[error("the proxy refuses to connect to it")]
    ProxyRefused,
    /// The proxy wants to know who asks.
    #[error("the proxy asks for a user and a password")]
    ProxyCredentials,
    /// The connection ended before there was an answer.
    #[error("{reason}")]
    Broken {
        /// What the system said.
        reason: String,
    },
}

impl ConnectionCause {
    /// Says whether the same connection may come about a little later, without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::NoSuchHost | Self::NoAnswer | Self::ProxyRefused | Self::Broken { .. }
        )
    }

    /// Says whether it is about the server's certificate.
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

/// A permission that is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPermission {
    /// The action as policies name it, such as `s3:PutObject`.
    pub action: String,
    /// What it was to be done to, as policies name it.
    pub resource: String,
    /// What a policy that allows it to the whole repository would name.
    pub scope: String,
    /// What the store said.
    pub reason: String,
}

impl StoreError {
    /// Says whether the same call may succeed when it is made again a little later.
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

    /// Says whether the object has to be thawed before it can be read.
    pub fn is_archived(&self) -> bool {
        matches!(self, Self::Archived { .. })
    }

    /// Says whether the object is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
