//! What a command asked of S3, and what that costs.

use std::sync::{Arc, Mutex, PoisonError};

use icecore_aws::{RequestClass, RequestMeter, RequestUsage, S3Store};
use icecore_policy::{Prices, RequestPrices};
use serde::Serialize;

use icecore_operations::text;

use crate::surface::console::Console;

/// The counts of all stores on S3 that a command has opened.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    watched: Mutex<Vec<Watched>>,
}

#[derive(Debug)]
struct Watched {
    meter: Arc<RequestMeter>,
    /// Region whose prices hold; none for a server that is not Amazon's.
    region: Option<String>,
}

/// The line that tells it.
#[derive(Debug, Serialize)]
struct RequestsLine {
    requests: RequestsDocument,
}

/// Requests, bytes and price.
#[derive(Debug, Default, PartialEq, Serialize)]
struct RequestsDocument {
    put: u64,
    list: u64,
    get: u64,
    delete: u64,
    bytes_sent: u64,
    bytes_received: u64,
    price: Option<PriceDocument>,
}

/// What it costs.
#[derive(Debug, PartialEq, Serialize)]
struct PriceDocument {
    requests_usd: f64,
    internet_usd_max: f64,
    region: String,
    date: String,
}

impl Requests {
    /// Begins to watch a store.
    pub(crate) fn watch(&self, store: &S3Store) {
        let region = store.aws_region().map(str::to_owned);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push(Watched { meter: store.meter(), region });
    }

    /// Tells what was asked of S3, if anything was; `title` stands before it in text.
    pub(crate) fn tell(&self, console: &Console, title: &str) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(region) = watched.first().map(|watched| watched.region.clone()) else { return };
        let mut usage = RequestUsage::default();
        for Watched { meter, .. } in watched.iter() {
            for (class, count) in meter.usage().counts {
                *usage.counts.entry(class).or_default() += count;
            }
        }
        let document = document(&usage, region.as_deref());
        let text = format!("{title}: {}", document.text());
        console.notice_document(&RequestsLine { requests: document }, &text);
    }
}

fn document(usage: &RequestUsage, region: Option<&str>) -> RequestsDocument {
    let total = usage.total();
    RequestsDocument {
        put: usage.requests(RequestClass::Put),
        list: usage.requests(RequestClass::List),
        get: usage.requests(RequestClass::Get),
        delete: usage.requests(RequestClass::Delete),
        bytes_sent: total.bytes_sent,
        bytes_received: total.bytes_received,
        price: region.and_then(|region| price(usage, region)),
    }
}

fn price(usage: &RequestUsage, region: &str) -> Option<PriceDocument> {
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
    Some(PriceDocument {
        requests_usd: requests_usd.sum(),
        internet_usd_max: region.internet(usage.total().bytes_received),
        region: name.to_owned(),
        date: prices.date.clone(),
    })
}

impl RequestsDocument {
    /// Returns it as a sentence.
    fn text(&self) -> String {
        let counts = [(self.put, "PUT"), (self.list, "LIST"), (self.get, "GET"), (self.delete, "DELETE")];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", text::count(count)))
            .collect();
        let counts = if counts.is_empty() { "no requests".to_owned() } else { counts.join(", ") };
        let (sent, received) = (text::size(self.bytes_sent), text::size(self.bytes_received));
        let price = self.price.as_ref().map(PriceDocument::text).unwrap_or_default();
        format!("{counts}; {sent} sent, {received} received{price}")
    }
}

impl PriceDocument {
    fn text(&self) -> String {
        let Self { region, date, .. } = self;
        let internet = if self.internet_usd_max >= 0.01 {
            format!(", and up to {} if it left for the internet", dollars(self.internet_usd_max))
        } else {
            String::new()
        };
        format!("; {}{internet} (prices of {region} of {date})", dollars(self.requests_usd))
    }
}

/// Returns an amount with two significant digits at least, however small it is.
fn dollars(amount: f64) -> String {
    match amount {
        amount if amount >= 0.1 || amount == 0.0 => format!("${amount:.2}"),
        amount if amount >= 0.001 => format!("${amount:.4}"),
        amount => format!("${amount:.7}"),
    }
}

#[cfg(test)]
mod tests;
