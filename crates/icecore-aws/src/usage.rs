//! Requests and bytes, as billed: each attempt, each page and each part is one request.

use std::{
    collections::BTreeMap,
    ops::AddAssign,
    sync::{Mutex, PoisonError},
};

/// Billing class of a request (Amazon S3 pricing, *Requests & data retrievals*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestClass {
    /// PUT, COPY, POST.
    Put,
    /// LIST; billed like PUT.
    List,
    /// GET, HEAD and all others.
    Get,
    /// DELETE and cancelling: free.
    Delete,
}

/// Requests, and the bytes that they moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// All requests: failed ones are billed, too.
    pub requests: u64,
    /// Bytes of objects that were sent.
    pub bytes_sent: u64,
    /// Bytes of objects that were received.
    pub bytes_received: u64,
}

impl AddAssign for RequestCount {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
    }
}

/// Usage of a store so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestUsage {
    /// Counts by class of request and storage class of the object (`STANDARD` if no object is involved).
    pub counts: BTreeMap<(RequestClass, String), RequestCount>,
}

impl RequestUsage {
    /// Returns the sum over everything.
    pub fn total(&self) -> RequestCount {
        self.counts.values().fold(RequestCount::default(), |mut sum, count| {
            sum += *count;
            sum
        })
    }

    /// Returns the number of requests of one class.
    pub fn requests(&self, class: RequestClass) -> u64 {
        self.counts.iter().filter(|((of, _), _)| *of == class).map(|(_, count)| count.requests).sum()
    }
}

/// Counts requests; shared by everything that makes them.
#[derive(Debug, Default)]
pub struct RequestMeter {
    usage: Mutex<RequestUsage>,
}

impl RequestMeter {
    /// Returns the counts so far.
    pub fn usage(&self) -> RequestUsage {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, class: RequestClass, storage_class: &str, count: RequestCount) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        *usage.counts.entry((class, storage_class.to_owned())).or_default() += count;
    }
}

#[cfg(test)]
mod tests;
