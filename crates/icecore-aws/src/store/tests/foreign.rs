//! Servers that are not S3, and incomplete answers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    pin::Pin,
};

use super::*;

const PAGE: &str = "<!DOCTYPE html><html><body>login</body></html>";

/// Starts a server that answers each request with the same headers and body; returns its URL.
fn start(head: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the test program: nothing stops it from listening.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), head, body).unwrap_or_default();
        }
    });
    url
}

fn answer(mut stream: TcpStream, head: &str, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length, mut is_head) = (String::new(), 0, false);
    while reader.read_line(&mut line)? > 2 {
        is_head |= line.starts_with("HEAD ");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let shown = if is_head { "" } else { body };
    write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{shown}", body.len())
}

async fn open(bed: &Bed, url: &str) -> S3Store {
    let retry = RetryPolicy { attempts_max: NonZeroU32::new(3).unwrap(), ..bed.options().retry };
    bed.store_with(S3Options { endpoint_url: Some(url.to_owned()), retry, ..bed.options() }).await
}

/// Asserts that nothing is read, listed or written on this server.
fn assert_foreign<'test>(
    head: &'static str,
    body: &'static str,
    reason: &'test str,
) -> Pin<Box<dyn Future<Output = ()> + 'test>> {
    Box::pin(async move {
        let (bed, url) = (Bed::new(), start(head, body));
        let expected = format!("{url} does not answer like S3: {reason}");
        let new = || open(&bed, &url);
        assert_eq!(new().await.get("icecore", None).await.unwrap_err().to_string(), expected, "{head}");
        assert_eq!(new().await.list("meta/").await.unwrap_err().to_string(), expected, "{head}");
        let created = new().await.create("icecore", Bytes::from_static(b"a")).await;
        let error = created.unwrap_err();
        assert!(matches!(error, StoreError::ForeignAnswer { .. }), "{head}: {error}");
        let error = new().await.head("icecore").await.unwrap_err();
        assert!(matches!(error, StoreError::ForeignAnswer { .. }), "{head}: {error}");
        assert!(bed.sleep.recorded().is_empty(), "none of this gets better by waiting");
    })
}

#[tokio::test]
async fn web_servers_are_not_taken_for_stores_without_objects() {
    let page = "HTTP status 404 with a web page";
    assert_foreign("404 Not Found\r\ncontent-type: text/html", PAGE, page).await;
    let text = "HTTP status 404 with text that is not an S3 error";
    assert_foreign("404 Not Found\r\ncontent-type: text/plain", "404 page not found", text).await;
    assert_foreign("404 Not Found", "", "HTTP status 404 without an S3 error").await;
    assert_foreign("403 Forbidden\r\ncontent-type: text/html", PAGE, "HTTP status 403 with a web page").await;
    let redirect = "302 Found\r\nlocation: http://login.example/?from=secret";
    assert_foreign(redirect, PAGE, "it redirects to http://login.example/ (HTTP status 302)").await;
    let secure = "301 Moved Permanently\r\nlocation: http://login.example/";
    assert_foreign(secure, "", "it redirects to http://login.example/ (HTTP status 301)").await;
    assert_foreign("301 Moved Permanently", "", "HTTP status 301 without an S3 error").await;
}

#[tokio::test]
async fn the_login_page_of_a_network_is_no_object_and_no_list() {
    let (bed, url) = (Bed::new(), start("200 OK\r\ncontent-type: text/html", PAGE));
    let store = open(&bed, &url).await;
    for error in [
        store.get("icecore", None).await.map(drop).unwrap_err(),
        store.head("icecore").await.map(drop).unwrap_err(),
        store.list("").await.map(drop).unwrap_err(),
        store.create("icecore", Bytes::from_static(b"a")).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::ForeignAnswer { .. }), "{error}");
    }
    let url = start("200 OK\r\ncontent-type: text/html\r\netag: \"1\"", PAGE);
    let error = open(&bed, &url).await.get("icecore", None).await.unwrap_err();
    assert!(matches!(error, StoreError::ForeignAnswer { .. }), "{error}");
}

#[tokio::test]
async fn an_empty_answer_is_no_empty_list() {
    for body in [
        "",
        "{}",
        "<ListBucketResult/>",
        "<ListBucketResult></ListBucketResult>",
        "<Other><Name>b</Name></Other>",
    ] {
        let (bed, url) = (Bed::new(), start("200 OK\r\ncontent-type: application/xml", body));
        let error = open(&bed, &url).await.list("").await.unwrap_err();
        let is_right = matches!(error, StoreError::ForeignAnswer { .. } | StoreError::Unavailable { .. });
        assert!(is_right, "{body:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_to_another_question_is_not_taken_for_a_missing_permission() {
    const OTHER: &str = "<GetBucketVersioningResponse><Status>Enabled</Status></GetBucketVersioningResponse>";
    let (bed, url) = (Bed::new(), start("200 OK\r\ncontent-type: application/xml", OTHER));
    let versioning = open(&bed, &url).await.versioning().await.unwrap();
    assert_eq!(versioning, crate::bucket::Versioning::Unsupported);
}

#[tokio::test]
async fn a_list_that_breaks_off_is_no_list() {
    const LIST: &str = "<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated><Contents><Key>some/prefix/a</Key>\
        <Size>1</Size><ETag>\"1\"</ETag></Contents></ListBucketResult>\n";
    const MORE: &str = "<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated></ListBucketResult>";
    let (bed, url) = (Bed::new(), start("200 OK", LIST));
    assert_eq!(open(&bed, &url).await.list("").await.unwrap().len(), 1);
    for end in [70, LIST.len() - 10] {
        let url = start("200 OK", &LIST[..end]);
        let error = open(&bed, &url).await.list("").await.unwrap_err();
        assert!(error.is_transient(), "{end}: {error}");
    }
    let error = open(&bed, &start("200 OK", MORE)).await.list("").await.unwrap_err();
    assert!(matches!(error, StoreError::IncompleteList { .. }), "{error}");
}

#[tokio::test]
async fn what_stands_in_front_of_a_server_that_is_known_refuses_only_a_request() {
    let bed = Bed::new();
    let known = bed.store().await;
    // Not even the first HEAD is mistaken for the answer of a foreign server.
    assert!(known.head("meta/a").await.unwrap_err().is_not_found());
    known.create("meta/a", Bytes::from_static(b"a")).await.unwrap();
    assert!(known.requester.is_proven.load(Ordering::Relaxed));
    let mut page = ServiceFailure::foreign("HTTP status 413 with a web page");
    page.status = 413;
    let judged = known.requester.judged(page.clone(), Action::Put, "meta/a").await;
    assert!(!judged.is_foreign());
    let unknown = bed.store().await;
    assert!(unknown.requester.judged(page, Action::Put, "meta/a").await.is_foreign());
}
