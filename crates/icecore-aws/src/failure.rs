//! Failures of requests.

use std::{io, time::SystemTime};

use crate::{connection, likeness::Likeness, network::Peer};

mod elsewhere;
mod sdk_error;
mod store_error;

use self::elsewhere::Elsewhere;

/// Kind of a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The server answered with an error.
    Answered,
    /// There was no answer, or only a part of one.
    Connection,
    /// There are no credentials to sign the request.
    NoCredentials,
    /// The request could not be created.
    Unusable,
}

/// A failed request, described independently of the SDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceFailure {
    pub(crate) kind: FailureKind,
    /// HTTP status; zero if there was no answer.
    pub(crate) status: u16,
    /// Error code of S3; empty if there is none.
    pub(crate) code: String,
    /// Message of the server or the system.
    pub(crate) message: String,
    /// What the answer reveals about the server.
    pub(crate) likeness: Likeness,
    /// A source of credentials is configured, but did not answer.
    has_silent_source: bool,
    /// The server that was contacted, if no answer arrived.
    pub(crate) peer: Option<Box<Peer>>,
    elsewhere: Option<Box<Elsewhere>>,
    /// Storage class of an archived object, if the server reported it.
    archive: Option<Box<str>>,
    times: Option<Box<AnswerTimes>>,
}

/// Times in the headers of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AnswerTimes {
    /// Time of the server's clock.
    server: Option<SystemTime>,
    /// Seconds to wait, if the server requested a wait.
    retry_after: Option<u32>,
}

impl ServiceFailure {
    /// Creates the failure of a connection.
    pub(crate) fn connection(message: impl Into<String>) -> Self {
        Self::without_answer(FailureKind::Connection, message.into())
    }

    /// Creates the failure of an answer that broke off, or that is damaged.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self { status: 200, ..Self::connection(message) }
    }

    /// Creates the failure of a condition.
    pub(crate) fn condition_failed() -> Self {
        let failure = Self::without_answer(FailureKind::Answered, String::new());
        Self { status: 412, code: "PreconditionFailed".to_owned(), likeness: Likeness::S3, ..failure }
    }

    /// Creates the failure of a successful answer that does not come from S3, with the reason.
    pub(crate) fn foreign(reason: &str) -> Self {
        let failure = Self::without_answer(FailureKind::Answered, String::new());
        Self { status: 200, likeness: Likeness::Foreign(reason.into()), ..failure }
    }

    /// Marks the failure as permanent, so the request is not simply repeated.
    pub(crate) fn for_good(self) -> Self {
        Self { kind: FailureKind::Unusable, ..self }
    }

    /// If the server answered with success and with the body of another request, converts the failure to one
    /// of a request that the server does not support. Servers that only check the path do this: they answer a
    /// request about the bucket with a listing.
    pub(crate) fn or_not_implemented(self) -> Self {
        // If the body could not be read completely, the message contains the reason.
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

    /// Returns whether the condition of the request was not fulfilled.
    pub(crate) fn is_condition_failed(&self) -> bool {
        self.status == 412 || self.code == "PreconditionFailed"
    }

    /// Returns whether there is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == 404
            && !matches!(self.code.as_str(), "NoSuchBucket" | "NoSuchUpload")
            && !self.is_foreign()
    }

    /// Returns whether S3 never gives such an answer.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.likeness, Likeness::Foreign(_))
    }

    /// Returns whether the server does not support the request, or one of its headers.
    pub(crate) fn is_not_implemented(&self) -> bool {
        self.status == 501 || self.code == "NotImplemented"
    }

    /// Returns whether another request for the same key came in between, so this one must be made again.
    pub(crate) fn is_conflict(&self) -> bool {
        // The answer to a HEAD request has no code.
        matches!(self.code.as_str(), "ConditionalRequestConflict" | "OperationAborted")
            || (self.status == 409 && self.code.is_empty())
    }

    /// Returns whether the server is overloaded.
    pub(crate) fn is_slow_down(&self) -> bool {
        matches!(self.status, 429 | 503)
            || matches!(
                self.code.as_str(),
                "SlowDown"
                    | "ServiceUnavailable"
                    | "RequestLimitExceeded"
                    | "Throttling"
                    | "ThrottlingException"
            )
    }

    /// Returns whether the server answered with success, but the SDK does not understand the answer.
    fn is_unreadable(&self) -> bool {
        (200..300).contains(&self.status) && self.code.is_empty() && self.message.is_empty()
    }

    /// Returns whether the credentials were valid but have expired.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired"
        )
    }

    /// Returns whether a refusal contains no reason, like all answers to HEAD.
    pub(crate) fn lacks_reason(&self) -> bool {
        self.kind == FailureKind::Answered && matches!(self.status, 400 | 401 | 403) && self.code.is_empty()
    }

    /// Returns whether the server rejects the time of the request.
    pub(crate) fn is_skewed(&self) -> bool {
        self.code == "RequestTimeTooSkewed"
    }

    /// Returns whether a missing network may have caused the failure.
    pub(crate) fn may_be_network(&self) -> bool {
        match self.kind {
            FailureKind::Connection => self.status == 0 && connection::cause(&self.message).may_pass(),
            FailureKind::NoCredentials => self.has_silent_source,
            FailureKind::Answered | FailureKind::Unusable => false,
        }
    }

    /// Returns whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        // Damaged in transit: the server verifies the bytes that it receives.
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

    /// Returns code and message, if they exist.
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

impl From<io::Error> for ServiceFailure {
    fn from(error: io::Error) -> Self {
        Self::connection(error.to_string())
    }
}

#[cfg(test)]
mod tests;
