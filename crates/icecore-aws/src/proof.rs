//! Whether the server is one of S3, where an answer alone does not show it.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{action::Action, failure::ServiceFailure, likeness::Likeness, store::S3Store};

/// Longest time for the request that clears it up.
const PROOF_TIME_MAX: Duration = Duration::from_secs(30);

impl S3Store {
    /// Judges the answer to a request: returns it as one that no S3 gives, or as one that S3 gives.
    pub(crate) async fn judged(
        &self,
        mut failure: ServiceFailure,
        action: Action,
        key: &str,
    ) -> ServiceFailure {
        let is_proven = || self.is_proven.load(Ordering::Relaxed);
        if failure.status == 0 && !failure.is_foreign() {
            return failure;
        }
        failure.likeness = match &failure.likeness {
            Likeness::S3 => {
                self.is_proven.store(true, Ordering::Relaxed);
                Likeness::S3
            }
            // Something between us and the server refuses the request: too long for it, or suspicious.
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

    /// Finds out what the server is by a request whose answer has a body, unlike that to HEAD.
    async fn look_at_server(&self, key: &str, status: u16) -> Likeness {
        self.count(Action::Get, "STANDARD", 0);
        let request = self.client().get_object().bucket(&self.place.bucket).key(self.place.full_key(key));
        let answer = tokio::time::timeout(PROOF_TIME_MAX, request.range("bytes=0-0").send()).await;
        let likeness = match answer {
            Ok(Ok(output)) if output.e_tag().is_some() => Likeness::S3,
            Ok(Ok(_)) => Likeness::without_evidence(200),
            Ok(Err(error)) => match ServiceFailure::from(error) {
                // Not known: there was no answer.
                failure if failure.status == 0 => Likeness::Unclear,
                failure if failure.likeness == Likeness::Unclear => Likeness::without_evidence(status),
                failure => failure.likeness,
            },
            Err(_) => Likeness::Unclear,
        };
        if likeness == Likeness::S3 {
            self.is_proven.store(true, Ordering::Relaxed);
        }
        likeness
    }
}
