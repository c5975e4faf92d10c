//! Reports the requests of a command to its stores, and their price.

use icecore_access::{
    Requests, Usage,
    requests::{RequestsPrice, price},
};
use icecore_aws::{RequestClass, RequestUsage};
use icecore_operations::text;
use icecore_store::Method;
use serde::Serialize;

use crate::surface::console::{Console, Verbosity};

/// The line of the report.
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

/// Price.
#[derive(Debug, PartialEq, Serialize)]
struct PriceDocument {
    requests_usd: f64,
    internet_usd_max: f64,
    region: String,
    date: String,
}

/// Reports the requests to S3, if there were any; `title` comes before them in text.
pub(crate) fn tell(console: &Console, title: &str, requests: &Requests) {
    let Some((usage, region)) = requests.so_far() else { return };
    let document = document(&usage, region.as_deref());
    let text = format!("{title}: {}", document.text());
    console.notice_document(&RequestsLine { requests: document }, &text);
}

/// Reports the calls of a store, if the user wants details.
pub(crate) fn tell_calls(console: &Console, usage: &Usage) {
    if console.verbosity < Verbosity::Verbose {
        return;
    }
    let usage = usage.so_far();
    let total = usage.total();
    let calls = Method::ALL.iter().map(|method| (method.name(), usage.of_method(*method).calls));
    let calls: Vec<String> =
        calls.filter(|(_, calls)| *calls > 0).map(|(name, calls)| format!("{calls} {name}")).collect();
    console.notice(&format!(
        "requests to the store: {}; {} read, {} written",
        calls.join(", "),
        text::size(total.bytes_read),
        text::size(total.bytes_written)
    ));
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
        price: region.and_then(|region| price(usage, region)).map(PriceDocument::from),
    }
}

impl From<RequestsPrice> for PriceDocument {
    fn from(price: RequestsPrice) -> Self {
        let RequestsPrice { requests_usd, internet_usd_max, region, date } = price;
        Self { requests_usd, internet_usd_max, region, date }
    }
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
            format!(", plus up to {} if the data was sent to the internet", dollars(self.internet_usd_max))
        } else {
            String::new()
        };
        format!("; {}{internet} (prices of {region} of {date})", dollars(self.requests_usd))
    }
}

/// Returns an amount with at least two significant digits, however small it is.
fn dollars(amount: f64) -> String {
    match amount {
        amount if amount >= 0.1 || amount == 0.0 => format!("${amount:.2}"),
        amount if amount >= 0.001 => format!("${amount:.4}"),
        amount => format!("${amount:.7}"),
    }
}

#[cfg(test)]
mod tests;
