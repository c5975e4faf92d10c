//! Whether a request that failed is made again, and how often.

use std::{num::NonZeroU32, time::Duration};

use icecore_store::{error::ConnectionCause, retry::RetryPolicy};

use super::Requester;
use crate::{
    connection,
    failure::{FailureKind, ServiceFailure},
};

/// How often credentials are fetched again that the server says have expired, before their owner has to renew
/// them.
const RENEWALS_MAX: u32 = 3;
/// How often a request is made again that the server says has a wrong time: it is signed again, which helps
/// if the machine slept between its signature and its way.
const SKEWED_MAX: u32 = 2;
/// Most attempts as long as the server has never answered: more likely than a server that is down is a wrong
/// address; …
pub(crate) const UNREACHED_ATTEMPTS_MAX: u32 = 4;
/// … and as long as nothing there answers at all, which takes its time to find out.
const SILENT_ATTEMPTS_MAX: u32 = 2;
/// Longest pause while the network is waited for: it may be there at any moment.
const NETWORK_DELAY_MAX: Duration = Duration::from_secs(5);

/// What is wrong with a request again and again, and is not believed at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubts {
    expired: u32,
    skewed: u32,
}

impl Requester {
    /// Says whether the same request may succeed a little later.
    pub(super) fn may_succeed(&self, failure: &ServiceFailure, doubts: &mut Doubts) -> bool {
        if failure.is_expired() {
            doubts.expired += 1;
            return doubts.expired <= RENEWALS_MAX;
        }
        if failure.is_skewed() {
            doubts.skewed += 1;
            return doubts.skewed <= SKEWED_MAX;
        }
        // Whoever has given credentials once is asked again, like a server that was reached once.
        let was_there =
            matches!(failure.kind, FailureKind::NoCredentials | FailureKind::Connection) && self.is_reached();
        failure.is_transient() || was_there || self.waits_for_network(failure)
    }

    /// Says whether a failure is one of a network that is not there yet, and which is waited for.
    fn waits_for_network(&self, failure: &ServiceFailure) -> bool {
        self.options.network_time_max.is_some() && !self.is_reached() && failure.may_be_network()
    }

    /// Returns how long is waited after a failure: less, as long as the server has never answered.
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
