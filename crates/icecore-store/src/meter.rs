//! Decorator: counts calls and bytes, because both cost money.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, Range},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    method::Method,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
};

/// Most first key components that are counted separately; later ones are counted under [`OTHER_COMPONENTS`].
pub const COMPONENTS_MAX: usize = 64;
/// Name under which components beyond [`COMPONENTS_MAX`] are counted; not a valid key.
pub const OTHER_COMPONENTS: &str = "*";

/// Calls of one method, and the bytes that they moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MethodUsage {
    /// All calls, successful or not.
    pub calls: u64,
    /// Calls that returned an error, including expected ones (such as *not found*).
    pub failures: u64,
    /// Bytes of objects that were received from the store.
    pub bytes_read: u64,
    /// Bytes of objects that were sent to the store, including those of failed puts.
    pub bytes_written: u64,
}

impl AddAssign for MethodUsage {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.failures += other.failures;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
    }
}

/// Usage of a store so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Figures by first component of the key or prefix (`data`, `meta`, …; empty for a list of everything)
    /// and method.
    pub by_component: BTreeMap<String, BTreeMap<Method, MethodUsage>>,
}

impl StoreUsage {
    /// Returns the sum over everything.
    pub fn total(&self) -> MethodUsage {
        self.sum(|_, _| true)
    }

    /// Returns the sum over all components for one method.
    pub fn of_method(&self, method: Method) -> MethodUsage {
        self.sum(|_, counted| counted == method)
    }

    /// Returns the sum over all methods for one first key component.
    pub fn of_component(&self, component: &str) -> MethodUsage {
        self.sum(|counted, _| counted == component)
    }

    fn sum(&self, is_wanted: impl Fn(&str, Method) -> bool) -> MethodUsage {
        let mut sum = MethodUsage::default();
        for (component, methods) in &self.by_component {
            methods
                .iter()
                .filter(|(method, _)| is_wanted(component, **method))
                .for_each(|(_, usage)| sum += *usage);
        }
        sum
    }
}

#[derive(Debug, Default)]
struct MethodCounters {
    calls: AtomicU64,
    failures: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl MethodCounters {
    fn usage(&self) -> MethodUsage {
        MethodUsage {
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
        }
    }
}

type ComponentCounters = [MethodCounters; Method::ALL.len()];

/// The counts of a [`MeterStore`], separate from it, so that they can be read when the store is wrapped
/// further.
#[derive(Debug, Default)]
pub struct StoreMeter {
    components: RwLock<BTreeMap<String, Arc<ComponentCounters>>>,
}

impl StoreMeter {
    /// Returns the counts so far. Running calls may be included in part.
    pub fn usage(&self) -> StoreUsage {
        let components = self.components.read().unwrap_or_else(PoisonError::into_inner);
        let by_component = components.iter().map(|(component, counters)| {
            let methods = Method::ALL.iter().map(|method| (*method, counters[*method as usize].usage()));
            (component.clone(), methods.filter(|(_, usage)| usage.calls > 0).collect())
        });
        StoreUsage { by_component: by_component.collect() }
    }

    fn counters(&self, key: &str) -> Arc<ComponentCounters> {
        let component = key.split('/').next().unwrap_or_default();
        if let Some(counters) =
            self.components.read().unwrap_or_else(PoisonError::into_inner).get(component).map(Arc::clone)
        {
            return counters;
        }
        let mut components = self.components.write().unwrap_or_else(PoisonError::into_inner);
        let is_room = components.len() < COMPONENTS_MAX || components.contains_key(component);
        let name = if is_room { component } else { OTHER_COMPONENTS };
        Arc::clone(components.entry(name.to_owned()).or_default())
    }

    fn count<T>(&self, method: Method, key: &str, written: usize, result: &StoreResult<T>, read: usize) {
        let counters = &self.counters(key)[method as usize];
        counters.calls.fetch_add(1, Ordering::Relaxed);
        counters.failures.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
        counters.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        counters.bytes_written.fetch_add(written as u64, Ordering::Relaxed);
    }
}

/// Store that counts the calls and bytes that pass through it.
#[derive(Clone, Debug)]
pub struct MeterStore {
    inner: Arc<dyn Store>,
    meter: Arc<StoreMeter>,
}

impl MeterStore {
    /// Wraps `inner`, with all counts at zero.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, meter: Arc::default() }
    }

    /// Returns the counts, which continue to change.
    pub fn meter(&self) -> Arc<StoreMeter> {
        Arc::clone(&self.meter)
    }

    /// Returns the counts so far.
    pub fn usage(&self) -> StoreUsage {
        self.meter.usage()
    }
}

#[async_trait]
impl Store for MeterStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        let result = self.inner.get(key, range).await;
        self.meter.count(Method::Get, key, 0, &result, result.as_ref().map_or(0, Bytes::len));
        result
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        let result = self.inner.get_versioned(key).await;
        self.meter.count(
            Method::GetVersioned,
            key,
            0,
            &result,
            result.as_ref().map_or(0, |(bytes, _)| bytes.len()),
        );
        result
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        let written = bytes.len();
        let result = self.inner.put(key, bytes, condition).await;
        self.meter.count(Method::Put, key, written, &result, 0);
        result
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        let result = self.inner.head(key).await;
        self.meter.count(Method::Head, key, 0, &result, 0);
        result
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let result = self.inner.list(prefix).await;
        self.meter.count(Method::List, prefix, 0, &result, 0);
        result
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let result = self.inner.delete(key, version).await;
        self.meter.count(Method::Delete, key, 0, &result, 0);
        result
    }
}

#[cfg(test)]
mod tests;
