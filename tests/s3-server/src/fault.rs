//! Faults that a test requests.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not executed, and answered with an error of S3.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code of S3, such as `SlowDown`.
        code: String,
        /// Additional headers of the answer.
        headers: Vec<(String, String)>,
    },
    /// It is not executed, and the connection ends.
    Reset,
    /// It is executed, and the connection ends before the answer.
    LostReply,
    /// It is not executed, and never answered; the connection stays open.
    Hang,
    /// It is executed, and never answered; the connection stays open.
    HangAfter,
    /// It is executed, and nothing more comes after this many bytes of the answer's body; the connection
    /// stays open.
    StallBody(u64),
    /// It is executed, and the connection ends after this many bytes of the answer's body.
    CutBody(u64),
    /// It is executed, and one bit of the answer's body is wrong: the first bit of the byte at this offset.
    FlipBit(u64),
    /// It is executed without its conditions.
    IgnoreConditions,
}

impl Fault {
    /// Makes the answer of an overloaded server.
    pub fn slow_down() -> Self {
        Self::error(503, "SlowDown")
    }

    /// Makes an answer from its status and code.
    pub fn error(status: u16, code: &str) -> Self {
        Self::Error { status, code: code.to_owned(), headers: Vec::new() }
    }
}

/// First line of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// HTTP method.
    pub method: String,
    /// Bucket and key as in the URL, without the leading slash.
    pub path: String,
    /// The part after `?`.
    pub query: String,
}

impl RequestLine {
    /// Returns whether it uploads a part.
    pub fn is_part(&self) -> bool {
        self.query.contains("partNumber")
    }
}

/// A fault and the requests that have it.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// Only requests of this method; all if empty.
    pub method: &'static str,
    /// Only paths or queries that contain this text.
    pub contains: String,
    /// How many of these requests succeed first.
    pub skip: u64,
    /// How many of these requests then have the fault.
    pub times: u64,
    /// What happens to them.
    pub fault: Fault,
}

impl FaultRule {
    /// Makes a rule for the next `times` requests.
    pub fn new(method: &'static str, contains: &str, times: u64, fault: Fault) -> Self {
        Self { method, contains: contains.to_owned(), skip: 0, times, fault }
    }

    fn matches(&self, line: &RequestLine) -> bool {
        (self.method.is_empty() || self.method == line.method)
            && (line.path.contains(&self.contains) || line.query.contains(&self.contains))
    }
}

/// The active rules, and the requests so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<(Vec<FaultRule>, Vec<RequestLine>)>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, (Vec<FaultRule>, Vec<RequestLine>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, rule: FaultRule) {
        self.lock().0.push(rule);
    }

    pub(crate) fn clear(&self) {
        self.lock().0.clear();
    }

    pub(crate) fn requests(&self) -> Vec<RequestLine> {
        self.lock().1.clone()
    }

    pub(crate) fn forget_requests(&self) {
        self.lock().1.clear();
    }

    /// Records a request and returns the fault of the first rule that has one for it.
    pub(crate) fn arrive(&self, line: &RequestLine) -> Option<Fault> {
        let (rules, requests) = &mut *self.lock();
        requests.push(line.clone());
        let mut fault = None;
        // Every rule counts every request, so no rule shifts the others.
        for rule in rules.iter_mut().filter(|rule| rule.times > 0 && rule.matches(line)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if fault.is_none() {
                rule.times -= 1;
                fault = Some(rule.fault.clone());
            }
        }
        fault
    }
}
