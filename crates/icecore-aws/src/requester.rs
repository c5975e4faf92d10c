//! Makes requests: counts, watches, judges and repeats them (decision 0009).
//!
//! All requests to S3 go through a [`Requester`]. A new kind of request needs a variant of [`Action`], with
//! its permission and its billing class, and a closure that sends it and reads the answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_s3::Client;
use icecore_store::{
    Environment, StoreError,
    retry::{Attempts, Repetition},
};

use crate::{
    action::Action,
    client::RenewableClient,
    failure::{FailureKind, ServiceFailure},
    gate::Gate,
    location::S3Location,
    movement::Movement,
    options::S3Options,
    usage::{RequestCount, RequestMeter},
};

mod operation;
mod proof;
pub(crate) mod repetition;

pub(crate) use self::operation::{Effort, Operation};
use self::repetition::Doubts;

/// A request that failed permanently: the failure, and the error for the caller.
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

/// Makes the requests of one store: counts them, limits concurrent ones, ends stalled ones, and repeats those
/// with transient failures.
pub(crate) struct Requester {
    client: RenewableClient,
    options: Arc<S3Options>,
    location: Arc<S3Location>,
    repetition: Repetition,
    pub(crate) gate: Gate,
    meter: Arc<RequestMeter>,
    /// The server has answered at least once, …
    is_reached: AtomicBool,
    /// … and at least once in a way that is specific to S3 and compatible servers.
    pub(crate) is_proven: AtomicBool,
}

impl Requester {
    /// Creates one for a client; makes no request.
    pub(crate) fn new(
        client: Client,
        options: Arc<S3Options>,
        location: Arc<S3Location>,
        environment: Environment,
    ) -> Self {
        let gate = Gate::new(options.requests_max, Arc::clone(&environment.clock));
        let repetition = Repetition {
            environment,
            patience: Arc::default(),
            waits: Arc::clone(&options.waits),
            stop: options.stop.clone(),
        };
        Self {
            client: RenewableClient::new(client, Arc::clone(&options)),
            options,
            location,
            repetition,
            gate,
            meter: Arc::default(),
            is_reached: AtomicBool::new(false),
            is_proven: AtomicBool::new(false),
        }
    }

    /// Makes a request until it succeeds or fails permanently. Ends at once when a stop is requested.
    ///
    /// Each attempt calls `call` with the current client.
    pub(crate) async fn request<T, Call, Answer>(
        &self,
        operation: Operation<'_>,
        call: Call,
    ) -> Result<T, Failed>
    where
        Call: Fn(Client) -> Answer,
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        tokio::select! {
            biased;
            () = self.repetition.stop.requested() => Err(Failed::interrupted()),
            result = self.repeat(operation, call) => result,
        }
    }

    async fn repeat<T, Call, Answer>(&self, operation: Operation<'_>, call: Call) -> Result<T, Failed>
    where
        Call: Fn(Client) -> Answer,
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        let Operation { action, key, effort, .. } = operation;
        let (name, endpoint) = (action.operation(), self.location.endpoint());
        let usual = effort.policy(self.options.retry);
        let mut attempts = Attempts::start(&self.repetition, &usual, name, key, endpoint);
        let mut doubts = Doubts::default();
        loop {
            let permit = self.gate.enter().await;
            attempts.begin();
            let (client, renewals) = self.client.current();
            self.count(&operation);
            let Environment { clock, sleep, .. } = &self.repetition.environment;
            let expectation = operation.expectation(&attempts);
            let movement = Movement::begin(expectation, Arc::clone(clock), attempts.movement());
            let outcome = movement.watch(&**sleep, Box::pin(call(client))).await;
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
            let is_reached = self.is_reached();
            let policy = self.policy(usual, &failure);
            let gives_up = !self.may_succeed(&failure, &mut doubts)
                || attempts.failed() + 1 >= policy.attempts_max.get();
            if !gives_up && failure.is_expired() {
                self.client.renew(renewals).await;
            }
            let error = failure.clone().into_store_error(&self.location, action, key, is_reached);
            if gives_up {
                return Err(Failed { failure, error });
            }
            attempts.wait(&policy, error).await.map_err(|error| Failed { failure, error })?;
        }
    }

    /// Makes a request a single time, as part of another one: it is counted, but neither judged nor repeated.
    pub(crate) async fn request_once<T, Answer>(
        &self,
        operation: Operation<'_>,
        call: impl FnOnce(Client) -> Answer,
    ) -> Result<T, ServiceFailure>
    where
        Answer: Future<Output = Result<T, ServiceFailure>>,
    {
        self.count(&operation);
        let (client, _) = self.client.current();
        call(client).await
    }

    /// Counts a request that is about to be made.
    fn count(&self, operation: &Operation<'_>) {
        let Operation { action, key, sent_bytes, .. } = *operation;
        // Only the answer to a GET names the class of its object.
        let class = if action == Action::Get { "STANDARD" } else { self.options.storage_class(key).as_str() };
        let count = RequestCount { requests: 1, bytes_sent: sent_bytes, bytes_received: 0 };
        self.meter.add(action.class(), class, count);
    }

    /// Counts bytes that arrived for a request that was already counted.
    pub(crate) fn count_received(&self, class: &str, bytes_received: u64) {
        let count = RequestCount { requests: 0, bytes_sent: 0, bytes_received };
        self.meter.add(Action::Get.class(), class, count);
    }

    fn learn_from_success(&self, action: Action) {
        self.is_reached.store(true, Ordering::Relaxed);
        // A foreign server may also answer a deletion with success.
        if !matches!(action, Action::Delete | Action::AbortUpload) {
            self.is_proven.store(true, Ordering::Relaxed);
        }
        self.gate.succeeded();
    }

    fn learn_from_failure(&self, failure: &ServiceFailure) {
        // An answer that broke off counts, too.
        if failure.kind == FailureKind::Answered || failure.status != 0 {
            self.is_reached.store(true, Ordering::Relaxed);
        }
        if failure.is_slow_down() {
            self.gate.slowed();
        }
    }

    /// Returns whether the server has ever answered.
    fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }

    /// Returns whether a request has failed recently, and none has succeeded since.
    pub(crate) fn is_failing(&self) -> bool {
        let now = self.repetition.environment.clock.monotonic();
        self.repetition.patience.failing_since(now).is_some()
    }

    /// Returns the counts of requests, which continue to change.
    pub(crate) fn meter(&self) -> Arc<RequestMeter> {
        Arc::clone(&self.meter)
    }

    /// Returns the client, for a request that is not sent.
    #[cfg(test)]
    pub(crate) fn client(&self) -> Client {
        self.client.current().0
    }

    /// Returns how often the client was renewed.
    #[cfg(test)]
    pub(crate) fn renewals(&self) -> u64 {
        self.client.current().1
    }
}

#[cfg(test)]
mod tests;
