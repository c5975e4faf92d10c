use icecore_aws::RequestCount;

use super::*;

fn usage() -> RequestUsage {
    let count = |requests, bytes_sent, bytes_received| RequestCount { requests, bytes_sent, bytes_received };
    let counts = [
        ((RequestClass::Put, "STANDARD"), count(2, 1_000, 0)),
        ((RequestClass::Put, "DEEP_ARCHIVE"), count(1_000, 64 << 20, 0)),
        ((RequestClass::List, "STANDARD"), count(3, 0, 0)),
        ((RequestClass::Get, "STANDARD"), count(10, 0, 1 << 30)),
        ((RequestClass::Delete, "STANDARD"), count(7, 0, 0)),
    ];
    let counts = counts.into_iter().map(|((class, storage), count)| ((class, storage.to_owned()), count));
    RequestUsage { counts: counts.collect() }
}

#[test]
fn on_s3_with_its_price() {
    let document = document(&usage(), Some("eu-central-1"));
    assert_eq!((document.put, document.list, document.get, document.delete), (1_002, 3, 10, 7));
    let price = document.price.as_ref().unwrap();
    // 5 at 0.005, 1,000 at 0.05, 10 at 0.0004 dollars a thousand.
    assert!((price.requests_usd - 0.050_029).abs() < 1e-9, "{}", price.requests_usd);
    assert_eq!(price.region, "us-east-1", "stands in for a region that is not listed");
    assert_eq!(
        document.text(),
        "1,002 PUT, 3 LIST, 10 GET, 7 DELETE; 64.0 MiB sent, 1.0 GiB received; $0.0500, plus up to $0.0900 if the \
         data was sent to the internet (prices of us-east-1 of 2026-11-20)"
    );
}

#[test]
fn elsewhere_without() {
    let document = document(&usage(), None);
    assert_eq!(document.price, None);
    assert_eq!(document.text(), "1,002 PUT, 3 LIST, 10 GET, 7 DELETE; 64.0 MiB sent, 1.0 GiB received");
    assert_eq!(RequestsDocument::default().text(), "no requests; 0 B sent, 0 B received");
}

#[test]
fn amounts() {
    assert_eq!(dollars(0.0), "$0.00");
    assert_eq!(dollars(12.345), "$12.35");
    assert_eq!(dollars(0.0123), "$0.0123");
    assert_eq!(dollars(0.000_012_3), "$0.0000123");
}
