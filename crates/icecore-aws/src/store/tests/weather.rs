//! Waits: every wait ends, and a signal ends them all.

use std::{sync::Mutex, time::SystemTime};

use icecore_store::waits::{CallNumber, Wait, WaitList, WaitState, Waits};

use super::*;

impl Bed {
    /// Waits until this many requests of a method have arrived and the latest one has a limit.
    async fn arrived(&self, method: &str, contains: &str, requests: usize) {
        while self.requests(method, contains) < requests || self.sleep.limit_of_the_slowest().is_none() {
            tokio::task::yield_now().await;
        }
    }

    /// Drives `work`, and makes the limit of each hanging request expire.
    async fn with_hanging<T>(&self, method: &str, contains: &str, work: impl Future<Output = T>) -> T {
        let expire = async {
            for requests in 1.. {
                self.arrived(method, contains, requests).await;
                self.sleep.expire();
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = expire => unreachable!("the loop has no end"),
        }
    }

    fn elapsed(&self) -> Duration {
        self.environment.clock.monotonic()
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_within_seconds() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"slot")).await.unwrap();
    for (method, number) in [("GET", 1), ("HEAD", 1), ("PUT", 2)] {
        let before = bed.elapsed();
        bed.inject(method, "meta/", 1, Fault::Hang);
        let call = async {
            match method {
                "GET" => assert_eq!(store.get("meta/a", None).await.unwrap(), "slot"),
                "HEAD" => assert_eq!(store.head("meta/a").await.unwrap().size, 4),
                _ => drop(store.create("meta/b", Bytes::from_static(b"b")).await.unwrap()),
            }
        };
        let expire = async {
            bed.arrived(method, "meta/", number).await;
            bed.sleep.expire();
        };
        tokio::join!(call, expire);
        let waited = bed.elapsed().saturating_sub(before);
        assert!(waited <= Duration::from_secs(31), "{method}: {waited:?}");
    }
}

#[tokio::test]
async fn a_put_that_is_carried_out_and_never_answered_succeeds() {
    let bed = Bed::new();
    let store = bed.store().await;
    bed.inject("PUT", "meta/a", 1, Fault::HangAfter);
    let expire = async {
        bed.arrived("PUT", "meta/a", 1).await;
        bed.sleep.expire();
    };
    let (version, ()) = tokio::join!(store.create("meta/a", Bytes::from_static(b"a")), expire);
    assert_eq!(store.head("meta/a").await.unwrap().version, version.unwrap());
}

#[tokio::test]
async fn a_body_that_falls_silent_is_continued() {
    let bed = Bed::new();
    let store = bed.store().await;
    let bytes = pattern(1 << 20);
    store.create("data/a", bytes.clone()).await.unwrap();
    bed.inject("GET", "data/a", 1, Fault::StallBody(300_000));
    let list = Arc::new(WaitList::default());
    let mut options = bed.options();
    options.waits = Arc::clone(&list) as _;
    let store = bed.store_with(options).await;
    let expire = async {
        while store.meter().usage().total().bytes_received < 300_000 {
            tokio::task::yield_now().await;
        }
        while list.under_way().iter().all(|wait| wait.attempt == 1) {
            bed.sleep.expire();
            tokio::task::yield_now().await;
        }
    };
    let (read, ()) = tokio::join!(store.get("data/a", None), expire);
    assert_eq!(read.unwrap(), bytes);
    assert_eq!(list.under_way(), []);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_within_the_budget_of_all_calls() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("GET", "", 10_000, Fault::Hang);
    let work = async {
        let error = store.get("meta/a", None).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        let first = bed.elapsed();
        // Later calls do not wait for the same server again.
        store.list("meta/").await.unwrap_err();
        store.abort_stale_uploads(Duration::from_hours(24)).await.unwrap_err();
        (first, bed.elapsed())
    };
    let (first, all) = Box::pin(bed.with_hanging("GET", "", work)).await;
    assert!(first > Duration::from_mins(13), "{first:?}");
    assert!(all < Duration::from_mins(17), "{all:?}");
}

#[tokio::test]
async fn a_slow_server_gets_more_time_with_each_attempt() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("GET", "meta/a", 4, Fault::Hang);
    let limits = async {
        let mut limits = Vec::new();
        for requests in 1..=4 {
            bed.arrived("GET", "meta/a", requests).await;
            limits.push(bed.sleep.limit_of_the_slowest().unwrap().as_secs());
            bed.sleep.expire();
        }
        limits
    };
    let (read, limits) = tokio::join!(store.get("meta/a", None), limits);
    assert_eq!(read.unwrap(), "a");
    assert_eq!(limits, [15, 30, 60, 60]);
}

#[tokio::test]
async fn a_signal_ends_a_request_a_pause_and_an_upload_in_parts() {
    let bed = Bed::new();
    let options = S3Options { multipart_above_bytes: 6 << 20, parts: Parts::Always, ..bed.options() };
    for (method, contains) in [("GET", "meta/a"), ("PUT", "data/a"), ("PUT", "partNumber")] {
        let stop = icecore_store::Stop::default();
        let store = bed.store_with(S3Options { stop: stop.clone(), ..options.clone() }).await;
        bed.server.forget_requests();
        bed.inject(method, contains, 1, Fault::Hang);
        let call = async {
            match contains {
                "meta/a" => store.get("meta/a", None).await.map(drop),
                "data/a" => store.create("data/a", pattern(100)).await.map(drop),
                _ => store.create("data/b", pattern(16 << 20)).await.map(drop),
            }
        };
        let signal = async {
            bed.arrived(method, contains, 1).await;
            stop.request();
        };
        let (ended, ()) = tokio::join!(call, signal);
        assert!(matches!(ended, Err(StoreError::Interrupted)), "{method} {contains}: {ended:?}");
    }
    assert_eq!(bed.elapsed(), Duration::ZERO, "nothing was waited for");
}

/// Observer that requests a stop as soon as a call pauses.
#[derive(Debug)]
struct StopInPause(icecore_store::Stop, Mutex<Vec<Wait>>);

impl Waits for StopInPause {
    fn changed(&self, _: CallNumber, wait: &Wait) {
        self.1.lock().unwrap().push(wait.clone());
        if matches!(wait.state, WaitState::Pausing { .. }) {
            self.0.request();
        }
    }

    fn moved(&self, _: CallNumber, _: Duration) {}

    fn ended(&self, _: CallNumber) {}
}

#[tokio::test]
async fn waits_name_the_server_the_call_and_the_reason() {
    let bed = Bed::new();
    let mut options = bed.options();
    let observer = Arc::new(StopInPause(options.stop.clone(), Mutex::default()));
    options.waits = Arc::clone(&observer) as _;
    let store = bed.store_with(options).await;
    bed.inject("GET", "meta/a", 100, Fault::slow_down());
    assert!(matches!(store.get("meta/a", None).await, Err(StoreError::Interrupted)));
    assert_eq!(bed.requests("GET", "meta/a"), 1);
    let waits = observer.1.lock().unwrap();
    let last = waits.last().unwrap();
    assert_eq!(
        (last.operation, last.key.as_str(), last.endpoint.as_str()),
        ("get", "meta/a", bed.server.url().as_str())
    );
    assert_eq!((last.attempt, last.gives_up), (1, Duration::from_mins(15)));
    assert!(last.last_error.as_ref().unwrap().contains("SlowDown"), "{last:?}");
}

#[tokio::test]
async fn the_network_is_waited_for_if_asked() {
    let bed = Bed::new();
    // Nobody listens on port 1.
    let network_time_max = Some(Duration::from_mins(5));
    let url = Some("http://127.0.0.1:1".to_owned());
    let options = S3Options { network_time_max, endpoint_url: url, ..bed.options() };
    let store = bed.store_with(options).await;
    let error = store.get("icecore", None).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot reach http://127.0.0.1:1: the connection was refused");
    let waited: Duration = bed.sleep.recorded().iter().sum();
    assert!(waited > Duration::from_mins(4) && waited <= Duration::from_mins(5), "{waited:?}");
    assert!(bed.sleep.recorded().iter().all(|pause| *pause <= Duration::from_secs(5)));
}

#[tokio::test]
async fn a_head_that_sees_an_expired_token_first_renews_it() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("HEAD", "meta/a", 1, Fault::error(400, "ExpiredToken"));
    bed.inject("GET", "meta/a", 1, Fault::error(400, "ExpiredToken"));
    assert_eq!(store.head("meta/a").await.unwrap().size, 1);
    assert_eq!((bed.requests("HEAD", "meta/a"), store.requester.renewals()), (2, 1));
    // The token may have been renewed between the two attempts.
    bed.inject("HEAD", "meta/a", 1, Fault::error(400, "ExpiredToken"));
    assert_eq!(store.head("meta/a").await.unwrap().size, 1);
    bed.inject("HEAD", "meta/a", 100, Fault::error(403, "AccessDenied"));
    bed.inject("GET", "meta/a", 100, Fault::error(403, "AccessDenied"));
    let error = store.head("meta/a").await.unwrap_err();
    assert!(matches!(error, StoreError::NotPermitted(_)), "{error}");
}

#[tokio::test]
async fn a_wrong_time_is_believed_at_the_third_time() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    let skewed = || Fault::error(403, "RequestTimeTooSkewed");
    bed.inject("GET", "meta/a", 2, skewed());
    assert_eq!(store.get("meta/a", None).await.unwrap(), "a");
    bed.inject("HEAD", "meta/a", 1, skewed());
    bed.inject("GET", "meta/a", 1, skewed());
    store.head("meta/a").await.unwrap();
    bed.inject("GET", "meta/a", 3, skewed());
    let error = store.get("meta/a", None).await.unwrap_err();
    assert!(matches!(error, StoreError::ClockSkew { .. }), "{error}");
}

#[tokio::test]
async fn damaged_bytes_are_found_by_the_etag_where_there_is_no_checksum() {
    let bed =
        Bed::with(&ServerOptions { has_checksums: false, has_md5_etags: true, ..ServerOptions::default() });
    let store = bed.store().await;
    let bytes = pattern(190);
    store.create("meta/a", bytes.clone()).await.unwrap();
    for range in [None, Some(0..1_000)] {
        bed.inject("GET", "meta/a", 1, Fault::FlipBit(77));
        bed.server.forget_requests();
        assert_eq!(store.get("meta/a", range).await.unwrap(), bytes);
        assert_eq!(bed.requests("GET", "meta/a"), 2);
    }
    // If the same bytes arrive twice, they are accepted: not every server derives its `ETag` from the bytes.
    bed.inject("GET", "meta/a", 2, Fault::FlipBit(77));
    assert_ne!(store.get("meta/a", None).await.unwrap(), bytes);
    bed.server.forget_requests();
    assert_eq!(store.get("meta/a", None).await.unwrap(), bytes);
    assert_eq!(bed.requests("GET", "meta/a"), 1);
}

#[tokio::test]
async fn all_pages_of_unfinished_uploads_are_read_and_failures_cost_little() {
    let bed = Bed::with(&ServerOptions { page_keys_max: 2, ..ServerOptions::default() });
    let store = bed
        .store_with(S3Options { multipart_above_bytes: 6 << 20, parts: Parts::Always, ..bed.options() })
        .await;
    bed.inject("DELETE", "data/", 100, Fault::error(403, "AccessDenied"));
    for number in 0..5 {
        bed.inject("PUT", "partNumber", 1, Fault::error(403, "AccessDenied"));
        store.create(&format!("data/{number}"), pattern(7 << 20)).await.unwrap_err();
    }
    assert_eq!(bed.server.open_uploads("bucket"), 5);
    bed.server.heal();
    let later = Environment {
        clock: Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 100))),
        ..bed.environment.clone()
    };
    let store = S3Store::open(bed.options(), later).await;
    assert_eq!(store.abort_stale_uploads(Duration::from_hours(24)).await.unwrap(), 5);
    assert_eq!(bed.server.open_uploads("bucket"), 0);
    bed.server.forget_requests();
    bed.inject("GET", "uploads", 100, Fault::slow_down());
    store.abort_stale_uploads(Duration::from_hours(24)).await.unwrap_err();
    assert_eq!(bed.requests("GET", "uploads"), 2);
}
