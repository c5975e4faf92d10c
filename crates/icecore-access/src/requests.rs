//! Counts of requests to S3, and their price.

use std::sync::{Arc, Mutex, PoisonError};

use icecore_aws::{RequestClass, RequestMeter, RequestUsage, S3Store};
use icecore_policy::{Prices, RequestPrices};

/// The counts of all S3 stores that were opened for one repository.
#[derive(Debug, Default)]
pub struct Requests {
    watched: Mutex<Vec<Watched>>,
}

#[derive(Debug)]
struct Watched {
    meter: Arc<RequestMeter>,
    /// Region with the valid prices; none for a server of somebody else.
    region: Option<String>,
}

/// Price of requests and bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestsPrice {
    /// Dollars for the requests.
    pub requests_usd: f64,
    /// Maximum price in dollars of the received bytes, if they went to the internet.
    pub internet_usd_max: f64,
    /// Region of the prices.
    pub region: String,
    /// Date of the prices.
    pub date: String,
}

impl Requests {
    /// Begins to count the requests of a store.
    pub fn watch(&self, store: &S3Store) {
        let region = store.aws_region().map(str::to_owned);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push(Watched { meter: store.meter(), region });
    }

    /// Returns the counts so far, and the region with the valid prices; none if no S3 store was opened.
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

/// Returns the price of requests in a region; none if its prices are not known.
pub fn price(usage: &RequestUsage, region: &str) -> Option<RequestsPrice> {
    // A test reads the built-in prices.
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
