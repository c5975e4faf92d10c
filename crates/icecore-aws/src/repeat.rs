//! How requests are repeated: decision 0009.

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use icecore_store::{
    StoreError,
    error::ConnectionCause,
    retry::{Attempts, RetryPolicy},
};

use crate::{
    action::Action,
    connection,
    failure::{FailureKind, ServiceFailure},
    movement::{Expectation, Movement, STEP_BYTES},
    store::S3Store,
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
/// How often credentials are fetched again that the server says have expired, before their owner has to renew
/// them.
const RENEWALS_MAX: u32 = 3;
/// How often a request is made again that the server says has a wrong time: it is signed again, which helps if
/// the machine slept between its signature and its way.
const SKEWED_MAX: u32 = 2;
/// Most attempts as long as the server has never answered: more likely than a server that is down is a wrong
/// address; …
pub(crate) const UNREACHED_ATTEMPTS_MAX: u32 = 4;
/// … and as long as nothing there answers at all, which takes its time to find out.
const SILENT_ATTEMPTS_MAX: u32 = 2;
/// Longest pause while the network is waited for: it may be there at any moment.
const NETWORK_DELAY_MAX: Duration = Duration::from_secs(5);

/// How much is done for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    policy: RetryPolicy,
    answer_time_max: Duration,
}

impl Effort {
    /// As much as the policy allows.
    pub(crate) fn usual(policy: RetryPolicy) -> Self {
        Self { policy, answer_time_max: Duration::MAX }
    }

    /// Little, for requests on which nothing depends.
    pub(crate) fn short() -> Self {
        let policy = RetryPolicy {
            attempts_max: const { NonZeroU32::new(2).unwrap() },
            total_max: Duration::from_secs(10),
            delay_first: Duration::from_millis(200),
            delay_max: Duration::from_secs(1),
        };
        Self { policy, answer_time_max: Duration::from_secs(10) }
    }
}

/// A request that failed for good: what the server said, and what the caller is told.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) failure: ServiceFailure,
    pub(crate) error: StoreError,
}

impl Failed {
    fn interrupted() -> Self {
        Self { failure: ServiceFailure::connection("interrupted").for_good(), error: StoreError::Interrupted }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// What is wrong with a request again and again, and is not believed at once.
#[derive(Clone, Copy, Debug, Default)]
struct Doubts {
    expired: u32,
    skewed: u32,
}

impl S3Store {
    /// Makes a request until it succeeds, or fails for good; `bytes` is the length of its body. Ends at once
    /// when everything is to stop.
    pub(crate) async fn repeat<T, Call, Answer>(
        &self,
        action: Action,
        key: &str,
        bytes: u64,
        call: Call,
    ) -> Result<T, Failed>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        self.repeat_with(Effort::usual(self.options.retry), action, key, bytes, call).await
    }

    /// Makes a request with an effort of its own.
    pub(crate) async fn repeat_with<T, Call, Answer>(
        &self,
        effort: Effort,
        action: Action,
        key: &str,
        bytes: u64,
        call: Call,
    ) -> Result<T, Failed>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        tokio::select! {
            biased;
            () = self.options.stop.requested() => Err(Failed::interrupted()),
            result = self.repeat_unless_stopped(effort, action, key, bytes, call) => result,
        }
    }

    async fn repeat_unless_stopped<T, Call, Answer>(
        &self,
        effort: Effort,
        action: Action,
        key: &str,
        bytes: u64,
        call: Call,
    ) -> Result<T, Failed>
    where
        Call: Fn() -> Answer,
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        let class = if action == Action::Get { "STANDARD" } else { self.options.storage_class(key).as_str() };
        let (operation, endpoint) = (action.operation(), self.location.endpoint());
        let mut attempts = Attempts::start(&self.repetition, &effort.policy, operation, key, endpoint);
        let mut doubts = Doubts::default();
        loop {
            let permit = self.gate.enter().await;
            attempts.begin();
            let renewals = self.renewals();
            self.count(action, class, bytes);
            let expectation = expectation(effort, action, bytes, &attempts);
            let clock = &self.environment.clock;
            let movement = Movement::begin(expectation, Arc::clone(clock), attempts.movement());
            let outcome = movement.watch(&*self.environment.sleep, Box::pin(call())).await;
            attempts.moved(movement.moved(), movement.has_received());
            let failure = match outcome {
                Ok(value) => {
                    self.learn_from_success(action);
                    attempts.succeeded();
                    return Ok(value);
                }
                Err(failure) => self.judged(failure, action, key).await,
            };
            drop(permit);
            self.learn_from_failure(&failure);
            let is_reached = self.is_reached.load(Ordering::Relaxed);
            let policy = self.policy(effort.policy, &failure);
            let gives_up = !self.may_succeed(&failure, &mut doubts)
                || attempts.failed() + 1 >= policy.attempts_max.get();
            if !gives_up && failure.is_expired() {
                self.renew_client(renewals).await;
            }
            let error = failure.clone().into_store_error(&self.location, action, key, is_reached);
            if gives_up {
                return Err(Failed { failure, error });
            }
            attempts.wait(&policy, error).await.map_err(|error| Failed { failure, error })?;
        }
    }

    /// Says whether the same request may succeed a little later.
    fn may_succeed(&self, failure: &ServiceFailure, doubts: &mut Doubts) -> bool {
        if failure.is_expired() {
            doubts.expired += 1;
            return doubts.expired <= RENEWALS_MAX;
        }
        if failure.is_skewed() {
            doubts.skewed += 1;
            return doubts.skewed <= SKEWED_MAX;
        }
        // Whoever has given credentials once is asked again, like a server that was reached once.
        let was_there = matches!(failure.kind, FailureKind::NoCredentials | FailureKind::Connection)
            && self.is_reached.load(Ordering::Relaxed);
        failure.is_transient() || was_there || self.waits_for_network(failure)
    }

    /// Says whether a failure is one of a network that is not there yet, and which is waited for.
    fn waits_for_network(&self, failure: &ServiceFailure) -> bool {
        self.options.network_time_max.is_some()
            && !self.is_reached.load(Ordering::Relaxed)
            && failure.may_be_network()
    }

    /// Returns how long is waited after a failure: less, as long as the server has never answered.
    fn policy(&self, usual: RetryPolicy, failure: &ServiceFailure) -> RetryPolicy {
        if self.is_reached.load(Ordering::Relaxed) {
            return usual;
        }
        if let Some(total_max) = self.options.network_time_max.filter(|_| self.waits_for_network(failure)) {
            let delay_max = usual.delay_max.min(NETWORK_DELAY_MAX);
            return RetryPolicy { attempts_max: NonZeroU32::MAX, total_max, delay_max, ..usual };
        }
        let attempts_max = match connection::cause(&failure.message) {
            ConnectionCause::NoAnswer => SILENT_ATTEMPTS_MAX,
            _ => UNREACHED_ATTEMPTS_MAX,
        };
        let attempts_max = NonZeroU32::new(attempts_max).unwrap_or(usual.attempts_max);
        RetryPolicy { attempts_max: attempts_max.min(usual.attempts_max), ..usual }
    }

    fn learn_from_success(&self, action: Action) {
        self.is_reached.store(true, Ordering::Relaxed);
        // Anything may answer a deletion with success.
        if !matches!(action, Action::Delete | Action::AbortUpload) {
            self.is_proven.store(true, Ordering::Relaxed);
        }
        self.gate.succeeded();
    }

    fn learn_from_failure(&self, failure: &ServiceFailure) {
        // Also an answer that broke off is one.
        if failure.kind == FailureKind::Answered || failure.status != 0 {
            self.is_reached.store(true, Ordering::Relaxed);
        }
        if failure.is_slow_down() {
            self.gate.slowed();
        }
    }
}

/// Returns what is expected of the next attempt: a slow server gets more time with each, but not more than is
/// left.
fn expectation(effort: Effort, action: Action, bytes: u64, attempts: &Attempts<'_>) -> Expectation {
    let first = match action {
        Action::CompleteUpload => COMPLETED_TIME_MAX,
        Action::Put | Action::UploadPart => STORED_TIME_MAX,
        _ => ANSWER_TIME_MAX,
    };
    let factor = 1 << attempts.failed().min(PATIENCE_FACTOR_MAX.ilog2());
    let time_max = (first * factor).min(attempts.left().max(first)).min(effort.answer_time_max);
    let buffered = Duration::from_secs(bytes.min(BUFFERED_BYTES_MAX) / BUFFERED_BYTES_PER_SECOND);
    // S3 begins its answer at once and sends a space now and then until the object is whole (API reference).
    let (step_bytes, whole_time_max) = match action {
        Action::CompleteUpload => (1, ASSEMBLED_TIME_MAX),
        _ => (STEP_BYTES, Duration::MAX),
    };
    Expectation { sent_bytes: bytes, answer_time_max: time_max + buffered, step_bytes, whole_time_max }
}
