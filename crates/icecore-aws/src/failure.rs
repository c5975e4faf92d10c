//! What a request can end with, and what the store's callers are told.

use std::{
    error::Error,
    io,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::date_time::Format;
use icecore_store::error::{MissingPermission, StoreError};

use crate::{
    action::Action,
    connection,
    likeness::Likeness,
    network::{self, Peer, PeerError},
    store::Place,
};

mod elsewhere;

use self::elsewhere::Elsewhere;

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The server answered with an error.
    Answered,
    /// There was no answer, or only a part of one.
    Connection,
    /// There are no credentials to sign with.
    NoCredentials,
    /// The request could not even be made.
    Unusable,
}

/// A request that failed, in our own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceFailure {
    pub(crate) kind: FailureKind,
    /// HTTP status; zero if there was no answer.
    pub(crate) status: u16,
    /// Code of the error as S3 names it; empty if there is none.
    pub(crate) code: String,
    /// What the server or the system said.
    pub(crate) message: String,
    /// What the answer shows of the server.
    pub(crate) likeness: Likeness,
    /// A source of credentials is set up, and did not answer.
    has_silent_source: bool,
    /// Who was asked, if no answer came.
    pub(crate) peer: Option<Box<Peer>>,
    elsewhere: Option<Box<Elsewhere>>,
    /// Storage class of an archived object, if the server said so.
    archive: Option<Box<str>>,
    times: Option<Box<AnswerTimes>>,
}

/// Times in the headers of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AnswerTimes {
    /// What the server's clock shows.
    server: Option<SystemTime>,
    /// Seconds to wait, if the server said so.
    retry_after: Option<u32>,
}

impl ServiceFailure {
    /// Makes the failure of a connection.
    pub(crate) fn connection(message: impl Into<String>) -> Self {
        Self::without_answer(FailureKind::Connection, message.into())
    }

    /// Makes the failure of an answer that broke off, or that is damaged.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self { status: 200, ..Self::connection(message) }
    }

    /// Makes the failure of a condition.
    pub(crate) fn condition_failed() -> Self {
        let failure = Self::without_answer(FailureKind::Answered, String::new());
        Self { status: 412, code: "PreconditionFailed".to_owned(), likeness: Likeness::S3, ..failure }
    }

    /// Makes the failure of an answer that is a success, but none of S3, for this reason.
    pub(crate) fn foreign(reason: &str) -> Self {
        let failure = Self::without_answer(FailureKind::Answered, String::new());
        Self { status: 200, likeness: Likeness::Foreign(reason.into()), ..failure }
    }

    /// Makes the failure one after which the request is not simply repeated.
    pub(crate) fn for_good(self) -> Self {
        Self { kind: FailureKind::Unusable, ..self }
    }

    /// Makes the failure one of a request that the server does not know, if it answered with success and another body than
    /// the request has. So do servers that look at the path only and answer a question about the bucket with a listing.
    pub(crate) fn or_not_implemented(self) -> Self {
        // If the body could not be read to its end, the message says why.
        if !(200..300).contains(&self.status) || !self.message.is_empty() {
            return self;
        }
        if self.is_foreign() {
            return self;
        }
        let kind = FailureKind::Answered;
        Self { kind, status: 501, code: "NotImplemented".to_owned(), ..self }
    }

    fn without_answer(kind: FailureKind, message: String) -> Self {
        Self {
            kind,
            status: 0,
            code: String::new(),
            message,
            likeness: Likeness::Unclear,
            has_silent_source: false,
            peer: None,
            elsewhere: None,
            archive: None,
            times: None,
        }
    }

    fn times(&self) -> AnswerTimes {
        self.times.as_deref().copied().unwrap_or_default()
    }

    /// Says whether the server found the condition of the request unfulfilled.
    pub(crate) fn is_condition_failed(&self) -> bool {
        self.status == 412 || self.code == "PreconditionFailed"
    }

    /// Says whether there is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == 404
            && !matches!(self.code.as_str(), "NoSuchBucket" | "NoSuchUpload")
            && !self.is_foreign()
    }

    /// Says whether no S3 gives such an answer.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.likeness, Likeness::Foreign(_))
    }

    /// Says whether the server does not know the request, or a header of it.
    pub(crate) fn is_not_implemented(&self) -> bool {
        self.status == 501 || self.code == "NotImplemented"
    }

    /// Says whether another request for the same key came in between, so that this one has to be made anew.
    pub(crate) fn is_conflict(&self) -> bool {
        // An answer to HEAD has no code.
        matches!(self.code.as_str(), "ConditionalRequestConflict" | "OperationAborted")
            || (self.status == 409 && self.code.is_empty())
    }

    /// Says whether the server is asked too much.
    pub(crate) fn is_slow_down(&self) -> bool {
        matches!(self.status, 429 | 503)
            || matches!(
                self.code.as_str(),
                "SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "Throttling"
            )
    }

    /// Says whether the server answered with success, but with nothing that the SDK understands.
    fn is_unreadable(&self) -> bool {
        (200..300).contains(&self.status) && self.code.is_empty() && self.message.is_empty()
    }

    /// Says whether the credentials were good once.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired"
        )
    }

    /// Says whether a refusal does not say why, as all answers to HEAD.
    pub(crate) fn lacks_reason(&self) -> bool {
        self.kind == FailureKind::Answered && matches!(self.status, 400 | 401 | 403) && self.code.is_empty()
    }

    /// Says whether the server finds the time of the request wrong.
    pub(crate) fn is_skewed(&self) -> bool {
        self.code == "RequestTimeTooSkewed"
    }

    /// Says whether there would have been no such failure if the network had not been missing.
    pub(crate) fn may_be_network(&self) -> bool {
        match self.kind {
            FailureKind::Connection => self.status == 0 && connection::cause(&self.message).may_pass(),
            FailureKind::NoCredentials => self.has_silent_source,
            FailureKind::Answered | FailureKind::Unusable => false,
        }
    }

    /// Says whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        // Damaged on the way: the server verifies what it got.
        const DAMAGED: [&str; 5] = [
            "BadDigest",
            "IncompleteBody",
            "XAmzContentSHA256Mismatch",
            "XAmzContentChecksumMismatch",
            "RequestTimeout",
        ];
        match self.kind {
            FailureKind::Connection => connection::cause(&self.message).may_pass(),
            FailureKind::NoCredentials | FailureKind::Unusable => false,
            FailureKind::Answered => {
                self.is_slow_down()
                    || self.is_conflict()
                    || matches!(self.status, 408 | 500 | 502 | 504)
                    || DAMAGED.contains(&self.code.as_str())
            }
        }
    }

    /// Returns what the store's caller is told; `is_reached` says whether the server has ever answered.
    pub(crate) fn into_store_error(
        self,
        place: &Place,
        action: Action,
        key: &str,
        is_reached: bool,
    ) -> StoreError {
        let operation = action.operation();
        let location = place.location();
        let reason = self.reason();
        if self.kind == FailureKind::Connection && self.status == 0 {
            let cause = connection::cause(&self.message);
            let peer = self.peer.map_or_else(|| place.peer(), |peer| *peer);
            if !is_reached || !cause.may_pass() {
                return StoreError::Unreachable { endpoint: peer.url, proxy: peer.proxy, cause };
            }
            let error = StoreError::Unreachable { endpoint: peer.url, proxy: peer.proxy, cause };
            let retry_after = None;
            let reason = error.to_string();
            return StoreError::Unavailable { operation, key: key.to_owned(), reason, retry_after };
        }
        if self.is_unreadable() && !is_reached {
            let reason = format!("HTTP status {} with an answer that cannot be read", self.status);
            return StoreError::ForeignAnswer { endpoint: place.endpoint(), reason };
        }
        if self.is_transient() {
            let retry_after = self.times().retry_after.map(|seconds| Duration::from_secs(seconds.into()));
            return StoreError::Unavailable { operation, key: key.to_owned(), reason, retry_after };
        }
        if self.kind == FailureKind::NoCredentials {
            return self.without_credentials(location);
        }
        if let Some(error) = self.redirected(place) {
            return error;
        }
        if let Likeness::Foreign(reason) = self.likeness {
            return StoreError::ForeignAnswer { endpoint: place.endpoint(), reason: reason.into() };
        }
        let bucket = || place.bucket.clone();
        match (self.status, self.code.as_str()) {
            (_, "NoSuchBucket") => StoreError::NoSuchBucket { bucket: bucket() },
            (301 | 307, _)
            | (
                _,
                "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException",
            ) => {
                let region = self.elsewhere.and_then(|elsewhere| elsewhere.region);
                let region = region.or_else(|| expected_region(&self.message));
                StoreError::WrongRegion { bucket: bucket(), region }
            }
            _ if self.is_expired() => StoreError::CredentialsRefused { location, reason, expired: true },
            (401, _)
            | (
                _,
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "InvalidClientTokenId"
                | "NotSignedUp",
            ) => StoreError::CredentialsRefused { location, reason, expired: false },
            (_, "RequestTimeTooSkewed") => {
                StoreError::ClockSkew { location, seconds: place.skew(self.times().server) }
            }
            (_, "InvalidObjectState") => {
                let class = self.archive.map_or_else(|| "storage class unknown".to_owned(), String::from);
                StoreError::Archived { key: key.to_owned(), class }
            }
            (507, _) | (_, "QuotaExceeded") => StoreError::NoSpace { key: key.to_owned(), reason },
            (501, _) => StoreError::Unsupported { location, reason },
            (403, _) => not_permitted(place, action, key, reason),
            (404, _) if self.is_not_found() => StoreError::NotFound { key: key.to_owned() },
            _ => StoreError::Refused { operation, key: key.to_owned(), reason },
        }
    }

    /// Returns code and message as far as there are any.
    pub(crate) fn reason(&self) -> String {
        match (self.code.as_str(), self.message.as_str(), self.status) {
            ("", "", 200..300) => "the answer cannot be read".to_owned(),
            ("", "", status) => format!("HTTP status {status}"),
            ("", message, _) => message.to_owned(),
            (code, "", _) => code.to_owned(),
            (code, message, _) => format!("{message} ({code})"),
        }
    }
}

/// Returns the error of a request that some policy forbids; the server says itself if it is another action than the one
/// that was asked for, such as the use of a KMS key.
fn not_permitted(place: &Place, action: Action, key: &str, reason: String) -> StoreError {
    let told = reason.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let told = told.and_then(|rest| rest.split_whitespace().next());
    if let Some(told) = told.filter(|told| !told.starts_with("s3:")) {
        let resource =
            reason.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next());
        let resource = resource.unwrap_or("the key that encrypts the bucket").to_owned();
        let (action, scope) = (told.to_owned(), resource.clone());
        return StoreError::NotPermitted(Box::new(MissingPermission { action, resource, scope, reason }));
    }
    let (resource, scope) = if action.is_on_bucket() {
        (place.bucket_arn(), place.bucket_arn())
    } else {
        (place.object_arn(key), place.object_arn("*"))
    };
    let action = action.permission().to_owned();
    StoreError::NotPermitted(Box::new(MissingPermission { action, resource, scope, reason }))
}

/// Finds the region in "the region 'us-east-1' is wrong; expecting 'eu-central-1'".
fn expected_region(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region.to_owned())
}

impl<E> From<SdkError<E>> for ServiceFailure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let message = chain(&error);
        let peer = Peer::of_error(&error).cloned().map(Box::new);
        let lack = lack_of_credentials(&error);
        let kind = match &error {
            _ if lack.is_some() => FailureKind::NoCredentials,
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => FailureKind::Answered,
            SdkError::ConstructionFailure(_) => FailureKind::Unusable,
            SdkError::DispatchFailure(failure) if failure.is_user() => FailureKind::Unusable,
            _ => FailureKind::Connection,
        };
        let Some(response) = error.raw_response() else {
            let has_silent_source = lack.is_some_and(is_silent);
            return Self { has_silent_source, peer, ..Self::without_answer(kind, message) };
        };
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).map(str::to_owned);
        let (code, told) = match &error {
            SdkError::ServiceError(service) => {
                let metadata = service.err().meta();
                (
                    metadata.code().unwrap_or_default().to_owned(),
                    metadata.message().unwrap_or_default().to_owned(),
                )
            }
            _ => (String::new(), message),
        };
        let redirect = header("location").filter(|_| (300..400).contains(&status));
        let redirect = redirect.map(|url| network::origin(&url));
        let elsewhere = Elsewhere { region: header("x-amz-bucket-region"), redirect };
        let likeness = Likeness::of_error(response, &code);
        // A success whose body cannot be read is a connection that broke, unless it is the answer of something else.
        let is_broken = (200..300).contains(&status) && !matches!(likeness, Likeness::Foreign(_));
        let kind = if is_broken { FailureKind::Connection } else { kind };
        Self {
            kind,
            status,
            likeness,
            has_silent_source: false,
            // HEAD has no body, hence no code; the SDK makes one of the status.
            code: if code == "NotFound" { String::new() } else { code },
            message: told,
            peer,
            elsewhere: (elsewhere != Elsewhere::default()).then(|| Box::new(elsewhere)),
            archive: response.body().bytes().and_then(archive_class),
            times: Some(Box::new(AnswerTimes {
                server: header("date").and_then(|date| http_date(&date)),
                retry_after: header("retry-after").and_then(|text| text.parse().ok()),
            })),
        }
    }
}

/// Returns the storage class in the answer to a GET of an archived object, and the tier of Intelligent-Tiering (S3 API
/// Reference, *`InvalidObjectState`*).
fn archive_class(body: &[u8]) -> Option<Box<str>> {
    let body = std::str::from_utf8(body).ok()?;
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once('<')?;
        text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_').then_some(text)
    };
    let class = element("StorageClass").filter(|class| !class.is_empty())?;
    Some(element("AccessTier").map_or_else(|| class.into(), |tier| format!("{class}, {tier}").into()))
}

fn http_date(text: &str) -> Option<SystemTime> {
    let date = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    SystemTime::try_from(date).ok()
}

/// Returns the texts of an error and its causes, each once.
fn chain(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Who was asked is told apart.
        let is_peer = cause.is::<PeerError>();
        if !is_peer && !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// Returns the error of the sources of credentials among the causes of an error.
fn lack_of_credentials<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error CredentialsError> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(lack) = cause.downcast_ref::<CredentialsError>() {
            return Some(lack);
        }
        next = cause.source();
    }
    None
}

/// Says whether a source of credentials is set up, but did not answer as it should.
fn is_silent(lack: &CredentialsError) -> bool {
    matches!(lack, CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_))
}

impl From<io::Error> for ServiceFailure {
    fn from(error: io::Error) -> Self {
        Self::connection(error.to_string())
    }
}

#[cfg(test)]
mod tests;
