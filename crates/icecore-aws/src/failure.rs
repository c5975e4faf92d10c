//! How a request can fail.

use std::{io, time::SystemTime};

use crate::{connection, likeness::Likeness, network::Peer};

mod elsewhere;
mod sdk_error;
mod store_error;

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

    /// Makes the failure one of a request that the server does not know, if it answered with success and
    /// another body than the request has. So do servers that look at the path only and answer a question
    /// about the bucket with a listing.
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

impl From<io::Error> for ServiceFailure {
    fn from(error: io::Error) -> Self {
        Self::connection(error.to_string())
    }
}

#[cfg(test)]
mod tests;
