use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use icecore_store::{
    Environment,
    environment::{InstantSleep, ManualClock, SeededEntropy},
};

use super::*;
use crate::{options::Credentials, trust::Trust};

/// Makes a request whose first attempts fail; returns the number of attempts, the number of waits, and the
/// result.
async fn attempts(failing: u32, failure: ServiceFailure) -> (u32, usize, Result<(), ServiceFailure>) {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    let entropy = Arc::new(SeededEntropy::new(1));
    let (access_key_id, secret_access_key) = ("AKTEST".to_owned(), "SKTEST".to_owned());
    let options = KmsOptions {
        endpoint_url: Some("http://127.0.0.1:9".to_owned()),
        region: Some("us-east-1".to_owned()),
        credentials: Credentials::Static { access_key_id, secret_access_key },
        trust: Trust::default(),
        repetition: Repetition::new(Environment { clock, entropy, sleep: Arc::clone(&sleep) as _ }),
    };
    let requester = KmsRequester::connect(&options, options.region.clone()).await;
    let made = AtomicU32::new(0);
    let call = |_| {
        let is_failing = made.fetch_add(1, Ordering::Relaxed) < failing;
        std::future::ready(if is_failing { Err(failure.clone()) } else { Ok(()) })
    };
    let result = requester.request("unwrap a data key with", "key", call).await;
    (made.load(Ordering::Relaxed), sleep.recorded().len(), result)
}

#[tokio::test]
async fn a_request_that_fails_for_now_is_made_again() {
    let reset = || ServiceFailure::connection("connection reset");
    assert_eq!(attempts(0, reset()).await, (1, 0, Ok(())));
    assert_eq!(attempts(2, reset()).await, (3, 2, Ok(())));
    assert_eq!(attempts(9, reset()).await, (3, 2, Err(reset())));
    let mut throttled = ServiceFailure::condition_failed();
    (throttled.status, throttled.code) = (400, "ThrottlingException".to_owned());
    assert_eq!(attempts(1, throttled).await, (2, 1, Ok(())));
}

#[tokio::test]
async fn a_refusal_is_final() {
    let mut refused = ServiceFailure::condition_failed();
    (refused.status, refused.code) = (400, "AccessDeniedException".to_owned());
    assert_eq!(attempts(1, refused.clone()).await, (1, 0, Err(refused)));
}
