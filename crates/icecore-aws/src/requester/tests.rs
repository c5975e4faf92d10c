use std::{num::NonZeroU32, sync::atomic::AtomicU32, time::Duration};

use icecore_store::environment::{InstantSleep, ManualClock, SystemEntropy};

use super::*;
use crate::{client, options::Credentials, usage::RequestClass};

async fn requester(options: S3Options) -> Requester {
    let clock = Arc::new(ManualClock::default());
    let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
    let environment = Environment { clock, entropy: Arc::new(SystemEntropy), sleep };
    let options = Arc::new(options);
    let client = client::connect(&options).await.client;
    let location = Arc::new(S3Location::example(environment.clone()));
    Requester::new(client, options, location, environment)
}

fn options() -> S3Options {
    let (access_key_id, secret_access_key) = ("AKTEST".to_owned(), "SKTEST".to_owned());
    S3Options {
        region: Some("us-east-1".to_owned()),
        credentials: Credentials::Static { access_key_id, secret_access_key },
        data_class: "DEEP_ARCHIVE".parse().unwrap(),
        ..S3Options::new("bucket", "prefix")
    }
}

/// Makes a request whose first attempts fail; returns the number of attempts, and the result.
async fn attempts(
    requester: &Requester,
    operation: Operation<'_>,
    failing: u32,
    failure: ServiceFailure,
) -> (u32, Result<(), Failed>) {
    let made = AtomicU32::new(0);
    let call = |_| {
        let is_failing = made.fetch_add(1, Ordering::Relaxed) < failing;
        std::future::ready(if is_failing { Err(failure.clone()) } else { Ok(()) })
    };
    let result = requester.request(operation, call).await;
    (made.load(Ordering::Relaxed), result)
}

fn reset() -> ServiceFailure {
    ServiceFailure::connection("connection reset")
}

#[tokio::test]
async fn each_attempt_is_counted_in_its_class() {
    let requester = requester(options()).await;
    let classes = [
        (Action::Put, RequestClass::Put, "DEEP_ARCHIVE"),
        (Action::List, RequestClass::List, "DEEP_ARCHIVE"),
        (Action::Get, RequestClass::Get, "STANDARD"),
        (Action::Head, RequestClass::Get, "DEEP_ARCHIVE"),
        (Action::Delete, RequestClass::Delete, "DEEP_ARCHIVE"),
    ];
    for (action, _, _) in classes {
        let operation = Operation::new(action, "data/a").sending(10);
        assert_eq!(attempts(&requester, operation, 2, reset()).await.0, 3);
        requester.request_once(operation, |_| std::future::ready(Ok(()))).await.unwrap();
    }
    let usage = requester.meter().usage();
    assert_eq!(usage.counts.len(), classes.len());
    for (action, class, storage_class) in classes {
        let count = usage.counts[&(class, storage_class.to_owned())];
        assert_eq!((count.requests, count.bytes_sent), (4, 40), "{action:?}");
    }
}

#[tokio::test]
async fn little_is_done_for_a_request_on_which_nothing_depends() {
    let requester = requester(options()).await;
    let usual = Operation::new(Action::List, "data/");
    let (made, result) = attempts(&requester, usual, 0, reset()).await;
    assert_eq!((made, result.is_ok()), (1, true));
    let (made, result) = attempts(&requester, usual, 5, reset()).await;
    assert_eq!((made, result.is_ok()), (6, true));
    let (made, result) = attempts(&requester, usual.with_effort(Effort::Short), 5, reset()).await;
    assert_eq!((made, result.is_err()), (2, true));
}

#[tokio::test]
async fn a_request_is_given_up_as_the_options_say() {
    let mut options = options();
    options.retry.attempts_max = NonZeroU32::new(3).unwrap();
    options.retry.delay_max = Duration::from_secs(1);
    let requester = requester(options).await;
    let operation = Operation::new(Action::Put, "meta/a").sending(1);
    assert!(!requester.is_failing());
    let (made, result) = attempts(&requester, operation, 9, reset()).await;
    assert_eq!(made, 3);
    assert!(matches!(result.unwrap_err().error, StoreError::Unreachable { .. }));
    assert!(requester.is_failing());
    let lasting = ServiceFailure::foreign("a web page");
    let (made, result) = attempts(&requester, operation, 9, lasting).await;
    assert_eq!(made, 1);
    assert!(matches!(result.unwrap_err().error, StoreError::ForeignAnswer { .. }));
}
