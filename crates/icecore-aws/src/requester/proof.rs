//! Finds out whether a server is S3, if an answer alone does not prove it.

use std::{sync::atomic::Ordering, time::Duration};

use aws_sdk_s3::{Client, operation::get_object::GetObjectOutput};

use super::{Operation, Requester};
use crate::{action::Action, failure::ServiceFailure, likeness::Likeness};

/// Longest time for the request that finds out.
const PROOF_TIME_MAX: Duration = Duration::from_secs(15);

impl Requester {
    /// Judges the answer to a request: marks it as one that comes from S3, or as one that S3 never gives.
    pub(crate) async fn judged(&self, failure: ServiceFailure, action: Action, key: &str) -> ServiceFailure {
        let mut failure = match action {
            Action::Head => self.with_reason(failure, key).await,
            _ => failure,
        };
        let is_proven = || self.is_proven.load(Ordering::Relaxed);
        if failure.status == 0 && !failure.is_foreign() {
            return failure;
        }
        failure.likeness = match &failure.likeness {
            Likeness::S3 => {
                self.is_proven.store(true, Ordering::Relaxed);
                Likeness::S3
            }
            // Something between us and the server refuses the request, because it is too long or suspicious.
            Likeness::Foreign(_) if is_proven() && matches!(failure.status, 400..=403 | 405..) => {
                Likeness::Unclear
            }
            Likeness::Foreign(reason) => Likeness::Foreign(reason.clone()),
            Likeness::Unclear if failure.is_transient() => Likeness::Unclear,
            Likeness::Unclear if is_proven() && !(300..400).contains(&failure.status) => Likeness::S3,
            Likeness::Unclear if action == Action::Head => self.look_at_server(key, failure.status).await,
            Likeness::Unclear => Likeness::without_evidence(failure.status),
        };
        failure
    }

    /// Returns the failure of a HEAD together with its reason, which its answer cannot contain for lack of a
    /// body: for example expired credentials, or a wrong clock. The answer to the same request with a body
    /// contains it.
    async fn with_reason(&self, failure: ServiceFailure, key: &str) -> ServiceFailure {
        if !failure.lacks_reason() {
            return failure;
        }
        match self.first_byte(key).await {
            Some(Err(told)) if !told.code.is_empty() => told,
            Some(Ok(output)) if output.e_tag().is_some() && failure.status == 400 => {
                ServiceFailure::broken("HTTP status 400 for HEAD, but success for GET")
            }
            _ => failure,
        }
    }

    /// Finds out what the server is with a request whose answer has a body, unlike the answer to HEAD.
    async fn look_at_server(&self, key: &str, status: u16) -> Likeness {
        let likeness = match self.first_byte(key).await {
            Some(Ok(output)) if output.e_tag().is_some() => Likeness::S3,
            Some(Ok(_)) => Likeness::without_evidence(200),
            // Unknown: there was no answer.
            Some(Err(failure)) if failure.status == 0 => Likeness::Unclear,
            Some(Err(failure)) if failure.likeness == Likeness::Unclear => Likeness::without_evidence(status),
            Some(Err(failure)) => failure.likeness,
            None => Likeness::Unclear,
        };
        if likeness == Likeness::S3 {
            self.is_proven.store(true, Ordering::Relaxed);
        }
        likeness
    }

    /// Requests the first byte of an object; nothing if there is no answer in time.
    async fn first_byte(&self, key: &str) -> Option<Result<GetObjectOutput, ServiceFailure>> {
        let call = |client: Client| {
            let request = client.get_object().bucket(&self.location.bucket).key(self.location.full_key(key));
            async { request.range("bytes=0-0").send().await.map_err(ServiceFailure::from) }
        };
        let answer = self.request_once(Operation::new(Action::Get, key), call);
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = self.repetition.environment.sleep.limit(PROOF_TIME_MAX) => None,
        }
    }
}
