//! Errors that callers get, and repetitions of requests.

use super::*;

#[tokio::test]
async fn throttling_for_minutes_is_waited_out_with_fewer_requests_at_once() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("GET", "meta/a", 20, Fault::slow_down());
    assert_eq!(store.get("meta/a", None).await.unwrap(), "a");
    let waited: Duration = bed.sleep.recorded().iter().sum();
    assert!(waited > Duration::from_mins(3), "{waited:?}");
}

#[tokio::test]
async fn patience_ends() {
    let bed = Bed::new();
    let retry = RetryPolicy { attempts_max: NonZeroU32::new(3).unwrap(), ..bed.options().retry };
    let store = bed.store_with(S3Options { retry, ..bed.options() }).await;
    bed.inject("GET", "meta/a", 100, Fault::slow_down());
    let error = store.get("meta/a", None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(bed.requests("GET", "meta/a"), 3);
    assert!(error.to_string().contains("SlowDown"), "{error}");
}

#[tokio::test]
async fn whoever_wants_to_stop_does_not_wait() {
    let bed = Bed::new();
    let options = bed.options();
    let stop = options.stop.clone();
    let store = bed.store_with(options).await;
    bed.inject("GET", "meta/a", 100, Fault::slow_down());
    stop.request();
    assert!(matches!(store.get("meta/a", None).await, Err(StoreError::Interrupted)));
    assert_eq!(bed.requests("GET", "meta/a"), 0);
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let bed = Bed::new();
    let store = bed.store().await;
    let headers = vec![("retry-after".to_owned(), "90".to_owned())];
    bed.inject("GET", "", 1, Fault::Error { status: 503, code: "SlowDown".to_owned(), headers });
    assert!(store.list("").await.unwrap().is_empty());
    assert_eq!(bed.sleep.recorded(), [Duration::from_secs(90)]);
}

#[tokio::test]
async fn a_wrong_address_is_told_soon() {
    let bed = Bed::new();
    // Nobody listens on port 1.
    let options = S3Options { endpoint_url: Some("http://127.0.0.1:1".to_owned()), ..bed.options() };
    let store = bed.store_with(options).await;
    let error = store.get("icecore", None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(bed.sleep.recorded().len(), UNREACHED_ATTEMPTS_MAX as usize - 1);
    assert_eq!(error.to_string(), "cannot reach http://127.0.0.1:1: the connection was refused");
}

#[tokio::test]
async fn what_does_not_pass_by_itself_is_told_at_once_with_the_address() {
    let bed = Bed::new();
    let url = bed.server.url().replace("http://", "https://");
    let store = bed.store_with(S3Options { endpoint_url: Some(url.clone()), ..bed.options() }).await;
    let error = store.get("icecore", None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot reach {url}: it does not use TLS at this port"));
    assert!(!error.is_transient() && bed.sleep.recorded().is_empty());

    let url = "http://no-such-host.invalid:9000".to_owned();
    let store = bed.store_with(S3Options { endpoint_url: Some(url.clone()), ..bed.options() }).await;
    let error = store.list("").await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot reach {url}: the host name does not exist"));
}

#[tokio::test]
async fn a_connection_that_breaks_later_names_the_address_too() {
    let bed = Bed::new();
    let retry = RetryPolicy { attempts_max: NonZeroU32::new(2).unwrap(), ..bed.options().retry };
    let store = bed.store_with(S3Options { retry, ..bed.options() }).await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("GET", "meta/a", 10, Fault::Reset);
    let error = store.get("meta/a", None).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(&bed.server.url()), "{error}");
}

#[tokio::test]
async fn wrong_secret_wrong_key_wrong_bucket() {
    let bed = Bed::new();
    let with = |id: &str, secret: &str| Credentials::Static {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
    };
    for credentials in [with("AKTEST", "wrong"), with("NOBODY", "SKTEST")] {
        let store = bed.store_with(S3Options { credentials, ..bed.options() }).await;
        let error = store.get("icecore", None).await.unwrap_err();
        assert!(matches!(error, StoreError::CredentialsRefused { expired: false, .. }), "{error}");
        assert!(!error.to_string().contains("SKTEST"), "{error}");
    }
    let mut options = bed.options();
    options.bucket = "elsewhere".to_owned();
    let store = bed.store_with(options).await;
    let error = store.get("icecore", None).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchBucket { .. }), "{error}");
    assert!(bed.sleep.recorded().is_empty(), "none of this gets better by waiting");
}

#[tokio::test]
async fn the_region_comes_from_the_answer() {
    let bed = Bed::new();
    let store = bed.store().await;
    let headers = vec![("x-amz-bucket-region".to_owned(), "eu-central-1".to_owned())];
    bed.inject("", "", 2, Fault::Error { status: 301, code: "PermanentRedirect".to_owned(), headers });
    let error = store.get("icecore", None).await.unwrap_err();
    assert_eq!(error.to_string(), "bucket bucket is in the region eu-central-1");
    let error = store.head("icecore").await.unwrap_err();
    assert_eq!(error.to_string(), "bucket bucket is in the region eu-central-1");
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_is_fetched_again_and_then_told_as_such() {
    let bed = Bed::new();
    let store = bed.store().await;
    store.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    bed.inject("PUT", "meta/", 2, Fault::error(400, "ExpiredToken"));
    store.create("meta/renewed", Bytes::from_static(b"b")).await.unwrap();
    bed.inject("PUT", "meta/", 10, Fault::error(400, "ExpiredToken"));
    let error = store.create("meta/b", Bytes::from_static(b"b")).await.unwrap_err();
    assert!(matches!(error, StoreError::CredentialsRefused { expired: true, .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_asks_to_slow_down_gets_fewer_requests_at_once() {
    let bed = Bed::new();
    let requests_max = NonZeroUsize::new(8).unwrap();
    let store = bed.store_with(S3Options { requests_max, ..bed.options() }).await;
    bed.inject("HEAD", "", 3, Fault::slow_down());
    store.head("meta/a").await.unwrap_err();
    assert!(format!("{:?}", store.requester.gate).contains("limit: 4,"), "{:?}", store.requester.gate);
}
