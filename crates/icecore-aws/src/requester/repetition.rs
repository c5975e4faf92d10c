//! Decides whether a failed request is repeated, and how often.

use std::{num::NonZeroU32, time::Duration};

use icecore_store::{error::ConnectionCause, retry::RetryPolicy};

use super::Requester;
use crate::{
    connection,
    failure::{FailureKind, ServiceFailure},
};

/// How often credentials are fetched again after the server reported that they have expired. After that,
/// their owner must renew them.
const RENEWALS_MAX: u32 = 3;
/// How often a request is repeated after the server rejected its time. It is signed again, which helps if the
/// machine slept between signing and sending.
const SKEWED_MAX: u32 = 2;
/// Most attempts while the server has never answered, because the address is probably wrong; …
pub(crate) const UNREACHED_ATTEMPTS_MAX: u32 = 4;
/// … and while nothing at all answers there, because each attempt takes long.
const SILENT_ATTEMPTS_MAX: u32 = 2;
/// Longest pause while waiting for the network, which may come up at any moment.
const NETWORK_DELAY_MAX: Duration = Duration::from_secs(5);

/// Repeated failures of a request that may have a temporary cause at first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubts {
    expired: u32,
    skewed: u32,
}

impl Requester {
    /// Returns whether the same request may succeed a little later.
    pub(super) fn may_succeed(&self, failure: &ServiceFailure, doubts: &mut Doubts) -> bool {
        if failure.is_expired() {
            doubts.expired += 1;
            return doubts.expired <= RENEWALS_MAX;
        }
        if failure.is_skewed() {
            doubts.skewed += 1;
            return doubts.skewed <= SKEWED_MAX;
        }
        // A source that has provided credentials before is asked again, like a server that was reached
        // before.
        let was_there =
            matches!(failure.kind, FailureKind::NoCredentials | FailureKind::Connection) && self.is_reached();
        failure.is_transient() || was_there || self.waits_for_network(failure)
    }

    /// Returns whether to wait because a missing network may have caused a failure.
    fn waits_for_network(&self, failure: &ServiceFailure) -> bool {
        self.options.network_time_max.is_some() && !self.is_reached() && failure.may_be_network()
    }

    /// Returns the policy after a failure: with less patience while the server has never answered.
    pub(super) fn policy(&self, usual: RetryPolicy, failure: &ServiceFailure) -> RetryPolicy {
        if self.is_reached() {
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
}
