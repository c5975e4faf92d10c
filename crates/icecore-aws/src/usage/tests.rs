use super::*;

#[test]
fn counts_add_up_by_class() {
    let meter = RequestMeter::default();
    let put = RequestCount { requests: 1, bytes_sent: 10, bytes_received: 0 };
    meter.add(RequestClass::Put, "STANDARD", put);
    meter.add(RequestClass::Put, "GLACIER", put);
    meter.add(RequestClass::Put, "GLACIER", put);
    meter.add(RequestClass::Get, "STANDARD", RequestCount { requests: 1, bytes_sent: 0, bytes_received: 7 });
    let usage = meter.usage();
    assert_eq!(usage.counts[&(RequestClass::Put, "GLACIER".to_owned())].bytes_sent, 20);
    assert_eq!(usage.requests(RequestClass::Put), 3);
    assert_eq!(usage.requests(RequestClass::List), 0);
    assert_eq!(usage.total(), RequestCount { requests: 4, bytes_sent: 30, bytes_received: 7 });
}
