//! What a request is, and how much is done for it.

use std::{num::NonZeroU32, time::Duration};

use icecore_store::retry::{Attempts, RetryPolicy};

use crate::{
    action::Action,
    movement::{Expectation, STEP_BYTES},
};

/// Longest time for the beginning of an answer, at the first attempt. A lost answer is asked for again soon;
/// a slow server gets more time with every further attempt.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
/// The same for requests whose body the server has to store first.
const STORED_TIME_MAX: Duration = Duration::from_secs(30);
/// The same for the end of an upload in parts, which the server may have to put together first.
const COMPLETED_TIME_MAX: Duration = Duration::from_mins(1);
/// Longest time for the end of an upload in parts as long as the server says that it is at work.
const ASSEMBLED_TIME_MAX: Duration = Duration::from_mins(10);
/// By how much an attempt may take longer than the first one.
const PATIENCE_FACTOR_MAX: u32 = 4;
/// Bytes of a body that the system and the client may have taken and not yet sent, …
const BUFFERED_BYTES_MAX: u64 = 1 << 20;
/// … and how many of them the slowest lines send in a second.
const BUFFERED_BYTES_PER_SECOND: u64 = 16 << 10;

/// How much is done for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As much as the store's policy allows.
    Usual,
    /// Little, for requests on which nothing depends.
    Short,
}

impl Effort {
    /// Returns how often and how long the request is repeated, if it usually is by `usual`.
    pub(super) fn policy(self, usual: RetryPolicy) -> RetryPolicy {
        match self {
            Self::Usual => usual,
            Self::Short => RetryPolicy {
                attempts_max: const { NonZeroU32::new(2).unwrap() },
                total_max: Duration::from_secs(10),
                delay_first: Duration::from_millis(200),
                delay_max: Duration::from_secs(1),
            },
        }
    }

    fn answer_time_max(self) -> Duration {
        match self {
            Self::Usual => Duration::MAX,
            Self::Short => Duration::from_secs(10),
        }
    }
}

/// A request as the requester has to know it: it counts it, waits for it and names it in errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'key> {
    pub(super) action: Action,
    /// Key of the object; a prefix for listings. Errors and waits name it.
    pub(super) key: &'key str,
    /// Length of the body that is sent.
    pub(super) sent_bytes: u64,
    pub(super) effort: Effort,
}

impl<'key> Operation<'key> {
    /// Makes an operation that sends no body.
    pub(crate) fn new(action: Action, key: &'key str) -> Self {
        Self { action, key, sent_bytes: 0, effort: Effort::Usual }
    }

    /// Sets the length of the body that is sent.
    pub(crate) fn sending(self, bytes: u64) -> Self {
        Self { sent_bytes: bytes, ..self }
    }

    /// Sets how much is done for it.
    pub(crate) fn with_effort(self, effort: Effort) -> Self {
        Self { effort, ..self }
    }

    /// Returns what is expected of the next attempt: a slow server gets more time with each, but not more
    /// than is left.
    pub(super) fn expectation(&self, attempts: &Attempts<'_>) -> Expectation {
        let first = match self.action {
            Action::CompleteUpload => COMPLETED_TIME_MAX,
            Action::Put | Action::UploadPart => STORED_TIME_MAX,
            _ => ANSWER_TIME_MAX,
        };
        let factor = 1 << attempts.failed().min(PATIENCE_FACTOR_MAX.ilog2());
        let time_max = (first * factor).min(attempts.left().max(first)).min(self.effort.answer_time_max());
        let buffered =
            Duration::from_secs(self.sent_bytes.min(BUFFERED_BYTES_MAX) / BUFFERED_BYTES_PER_SECOND);
        // S3 begins its answer at once and sends a space now and then until the object is whole (API
        // reference).
        let (step_bytes, whole_time_max) = match self.action {
            Action::CompleteUpload => (1, ASSEMBLED_TIME_MAX),
            _ => (STEP_BYTES, Duration::MAX),
        };
        let answer_time_max = time_max + buffered;
        Expectation { sent_bytes: self.sent_bytes, answer_time_max, step_bytes, whole_time_max }
    }
}
