//! Measures the bytes that move in an attempt of a request, and limits the time without movement.
//!
//! An interceptor of the SDK sees the bodies of requests and answers on their way through the HTTP client. It
//! finds their attempt in a task-local variable, because the SDK runs a request in the task that makes it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut},
    },
    error::BoxError,
    primitives::SdkBody,
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use icecore_store::{
    environment::{Clock, Sleep},
    retry::CallMovement,
};

use crate::failure::ServiceFailure;

/// Bytes of a body that are handed to the connection at once: with small pieces, movement is visible on slow
/// lines, too.
const PIECE_BYTES: usize = 16 << 10;
/// Longest time in which fewer than [`STEP_BYTES`] of a body move.
pub(crate) const STALL_TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes that must move in this time, so that a server that sends single bytes cannot keep us busy forever.
pub(crate) const STEP_BYTES: u64 = 16 << 10;

tokio::task_local! {
    /// The attempt that the task is making.
    static ATTEMPT: Arc<Movement>;
}

/// Limits of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expectation {
    /// Length of the request's body.
    pub(crate) sent_bytes: u64,
    /// Longest time between the end of the request and the beginning of the answer.
    pub(crate) answer_time_max: Duration,
    /// Bytes that must move in [`STALL_TIME_MAX`].
    pub(crate) step_bytes: u64,
    /// Longest time for the whole attempt.
    pub(crate) whole_time_max: Duration,
}

/// Progress of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    Waiting,
    Receiving,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the phase or the latest step in it began.
    since: Duration,
    /// Bytes of the step.
    step_bytes: u64,
    sent_bytes: u64,
    /// At least one whole step was received.
    has_received: bool,
    moved: Duration,
}

/// Bytes that move for one attempt of a request.
#[derive(Debug)]
pub(crate) struct Movement {
    expectation: Expectation,
    began: Duration,
    clock: Arc<dyn Clock>,
    call: CallMovement,
    state: Mutex<State>,
}

impl Movement {
    /// Begins an attempt.
    pub(crate) fn begin(expectation: Expectation, clock: Arc<dyn Clock>, call: CallMovement) -> Arc<Self> {
        let now = clock.monotonic();
        let phase = if expectation.sent_bytes > 0 { Phase::Sending } else { Phase::Waiting };
        let state =
            State { phase, since: now, step_bytes: 0, sent_bytes: 0, has_received: false, moved: now };
        Arc::new(Self { expectation, began: now, clock, call, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when bytes last moved.
    pub(crate) fn moved(&self) -> Duration {
        self.lock().moved
    }

    /// Returns whether so much of an answer arrived that the attempt was useful even if it failed.
    pub(crate) fn has_received(&self) -> bool {
        self.lock().has_received
    }

    /// Drives a request, and gives up when no bytes move.
    pub(crate) async fn watch<T>(
        self: &Arc<Self>,
        sleep: &dyn Sleep,
        request: impl Future<Output = Result<T, ServiceFailure>>,
    ) -> Result<T, ServiceFailure> {
        let mut request = std::pin::pin!(ATTEMPT.scope(Arc::clone(self), request));
        loop {
            let left = self.left()?;
            tokio::select! {
                biased;
                outcome = &mut request => return outcome,
                () = sleep.limit(left) => {}
            }
        }
    }

    /// Returns how long the attempt may continue without movement.
    fn left(&self) -> Result<Duration, ServiceFailure> {
        let state = self.lock();
        let limit = match state.phase {
            Phase::Waiting => self.expectation.answer_time_max,
            Phase::Sending | Phase::Receiving => STALL_TIME_MAX,
        };
        let now = self.clock.monotonic();
        let ends = state.since.saturating_add(limit);
        let ends = ends.min(self.began.saturating_add(self.expectation.whole_time_max));
        if now < ends {
            return Ok(ends.saturating_sub(now));
        }
        let seconds = limit.as_secs();
        Err(match state.phase {
            Phase::Sending => ServiceFailure::connection(format!(
                "the request could not be sent: no data moved for {seconds} s"
            )),
            Phase::Waiting => ServiceFailure::connection(format!("no answer within {seconds} s")),
            Phase::Receiving => {
                ServiceFailure::broken(format!("the answer stopped: no data arrived for {seconds} s"))
            }
        })
    }

    fn advance(&self, phase: Phase, bytes: u64) {
        let now = self.clock.monotonic();
        let is_step = {
            let mut state = self.lock();
            state.moved = now;
            state.step_bytes += bytes;
            if phase == Phase::Sending {
                state.sent_bytes += bytes;
            }
            let is_step = state.step_bytes >= self.expectation.step_bytes;
            state.has_received |= is_step && phase == Phase::Receiving;
            let next = match phase {
                Phase::Sending if state.sent_bytes >= self.expectation.sent_bytes => Phase::Waiting,
                phase => phase,
            };
            if is_step || next != state.phase {
                state.phase = next;
                state.since = now;
                state.step_bytes = 0;
            }
            is_step
        };
        // Sending a short request again does not end the wait for its answer.
        if is_step {
            self.call.moved(now);
        }
    }
}

/// Reports the bodies of requests and answers to their attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WatchBodies;

impl Intercept for WatchBodies {
    fn name(&self) -> &'static str {
        "WatchBodies"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _configuration: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        if body.content_length() != Some(0) {
            watch_body(body, Phase::Sending);
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _configuration: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(movement) = ATTEMPT.try_with(Arc::clone) {
            movement.advance(Phase::Receiving, 0);
        }
        watch_body(context.response_mut().body_mut(), Phase::Receiving);
        Ok(())
    }
}

fn watch_body(body: &mut SdkBody, phase: Phase) {
    let Ok(movement) = ATTEMPT.try_with(Arc::clone) else { return };
    let inner = std::mem::replace(body, SdkBody::taken());
    *body = SdkBody::from_body_1_x(WatchedBody { inner, rest: Bytes::new(), movement, phase });
}

/// A body that is passed on in small pieces, each of which is recorded.
struct WatchedBody {
    inner: SdkBody,
    /// The rest of a larger piece.
    rest: Bytes,
    movement: Arc<Movement>,
    phase: Phase,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        // The bytes of an answer have already arrived, so their pieces need not be small.
        let taken = match self.phase {
            Phase::Sending => self.rest.len().min(PIECE_BYTES),
            Phase::Waiting | Phase::Receiving => self.rest.len(),
        };
        let piece = self.rest.split_to(taken);
        self.movement.advance(self.phase, piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (Body::size_hint(&self.inner), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests;
