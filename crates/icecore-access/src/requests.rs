//! What was asked of S3, and what that costs.

use std::sync::{Arc, Mutex, PoisonError};

use icecore_aws::{RequestClass, RequestMeter, RequestUsage, S3Store};
use icecore_policy::{Prices, RequestPrices};

/// The counts of all stores on S3 that were opened on the way to one repository.
#[derive(Debug, Default)]
pub struct Requests {
    watched: Mutex<Vec<Watched>>,
}

#[derive(Debug)]
struct Watched {
    meter: Arc<RequestMeter>,
    /// Region whose prices hold; none for a server that is not Amazon's.
    region: Option<String>,
}

/// What requests and bytes cost.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestsPrice {
    /// Dollars for the requests.
    pub requests_usd: f64,
    /// Dollars for the bytes that were received, if they left for the internet.
    pub internet_usd_max: f64,
    /// Region whose prices these are.
    pub region: String,
    /// Date of the prices.
    pub date: String,
}

impl Requests {
    /// Begins to watch a store.
    pub fn watch(&self, store: &S3Store) {
        let region = store.aws_region().map(str::to_owned);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push(Watched { meter: store.meter(), region });
    }

    /// Returns what was asked so far, and the region whose prices hold; none if no store on S3 was opened.
    pub fn so_far(&self) -> Option<(RequestUsage, Option<String>)> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let region = watched.first()?.region.clone();
        let mut usage = RequestUsage::default();
        for Watched { meter, .. } in watched.iter() {
            for (class, count) in meter.usage().counts {
                *usage.counts.entry(class).or_default() += count;
            }
        }
        Some((usage, region))
    }
}

/// Returns what requests cost in a region; none if its prices are not known.
pub fn price(usage: &RequestUsage, region: &str) -> Option<RequestsPrice> {
    // The prices that come with the program are read by a test.
    let prices = Prices::built_in().ok()?;
    let (name, region) = prices.of_region(region)?;
    let requests_usd = usage.counts.iter().map(|((class, storage_class), count)| {
        let mut requests = RequestPrices { bytes_read: count.bytes_received, ..RequestPrices::default() };
        match class {
            RequestClass::Put | RequestClass::List => requests.puts = count.requests,
            RequestClass::Get => requests.gets = count.requests,
            RequestClass::Delete => {}
        }
        region.requests(storage_class, requests)
    });
    Some(RequestsPrice {
        requests_usd: requests_usd.sum(),
        internet_usd_max: region.internet(usage.total().bytes_received),
        region: name.to_owned(),
        date: prices.date.clone(),
    })
}
