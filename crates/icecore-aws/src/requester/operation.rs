//! Description of a request, and the effort that is made for it.

use std::{num::NonZeroU32, time::Duration};

use icecore_store::retry::{Attempts, RetryPolicy};

use crate::{
    action::Action,
    movement::{Expectation, STEP_BYTES},
};

/// Longest time until an answer begins, in the first attempt. After a lost answer, the next attempt comes
/// soon; a slow server gets more time in every further attempt.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
/// The same for requests whose body the server must store first.
const STORED_TIME_MAX: Duration = Duration::from_secs(30);
/// The same for completing an upload in parts, which the server may have to assemble first.
const COMPLETED_TIME_MAX: Duration = Duration::from_mins(1);
/// Longest time for completing an upload in parts while the server reports that it is working.
const ASSEMBLED_TIME_MAX: Duration = Duration::from_mins(10);
/// Factor by which later attempts may take longer than the first one.
const PATIENCE_FACTOR_MAX: u32 = 4;
/// Bytes of a body that the system and the client may have accepted but not sent yet, …
const BUFFERED_BYTES_MAX: u64 = 1 << 20;
/// … and the bytes per second that the slowest lines send.
const BUFFERED_BYTES_PER_SECOND: u64 = 16 << 10;

/// Effort for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As much as the store's policy allows.
    Usual,
    /// Little, for requests that nothing depends on.
    Short,
}

impl Effort {
    /// Returns how often and how long the request is repeated, given the `usual` policy.
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

/// A request, as far as the requester must know it to count it, wait for it and name it in errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'key> {
    pub(super) action: Action,
    /// Key of the object; a prefix for listings. Used in errors and waits.
    pub(super) key: &'key str,
    /// Length of the request's body.
    pub(super) sent_bytes: u64,
    pub(super) effort: Effort,
}

impl<'key> Operation<'key> {
    /// Creates an operation without a body.
    pub(crate) fn new(action: Action, key: &'key str) -> Self {
        Self { action, key, sent_bytes: 0, effort: Effort::Usual }
    }

    /// Sets the length of the request's body.
    pub(crate) fn sending(self, bytes: u64) -> Self {
        Self { sent_bytes: bytes, ..self }
    }

    /// Sets the effort.
    pub(crate) fn with_effort(self, effort: Effort) -> Self {
        Self { effort, ..self }
    }

    /// Returns the limits of the next attempt: a slow server gets more time in each attempt, but not more
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
        // S3 begins its answer at once and sends spaces until the object is assembled (API reference).
        let (step_bytes, whole_time_max) = match self.action {
            Action::CompleteUpload => (1, ASSEMBLED_TIME_MAX),
            _ => (STEP_BYTES, Duration::MAX),
        };
        let answer_time_max = time_max + buffered;
        Expectation { sent_bytes: self.sent_bytes, answer_time_max, step_bytes, whole_time_max }
    }
}
