//! Decorator: makes a store fail on purpose, by a script or at random from a seed, and records every call.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    environment::Sleep,
    error::StoreError,
    method::Method,
    store::{ObjectInfo, PutCondition, Store, StoreResult, Version},
    xorshift::Xorshift,
};

mod plan;

pub use plan::{Fault, FaultPlan, FaultRule, FaultWhen, InjectedError};

/// One call as a [`FaultStore`] saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedCall {
    /// Number of the call, from 1.
    pub number: u64,
    /// What was called.
    pub method: Method,
    /// Key, or prefix of a list.
    pub key: String,
    /// Length of a put's bytes, 0 for other calls.
    pub bytes: u64,
    /// The fault that the plan injected, if any.
    pub fault: Option<Fault>,
}

#[derive(Debug)]
struct State {
    plan: FaultPlan,
    /// How many calls each rule of the plan has matched.
    matches: Vec<u64>,
    generator: Xorshift,
    has_crashed: bool,
    trace: Vec<TracedCall>,
}

/// Store that fails as its plan says.
///
/// The same plan and the same order of calls give the same faults and the same trace; concurrent calls are
/// numbered in the order of arrival.
#[derive(Debug)]
pub struct FaultStore {
    inner: Arc<dyn Store>,
    sleep: Arc<dyn Sleep>,
    state: Mutex<State>,
}

impl FaultStore {
    /// Wraps `inner`; `sleep` does the waiting for delays.
    pub fn new(inner: Arc<dyn Store>, plan: FaultPlan, sleep: Arc<dyn Sleep>) -> Self {
        let state = State {
            matches: vec![0; plan.rules.len()],
            generator: Xorshift::new(plan.seed),
            plan,
            has_crashed: false,
            trace: Vec::new(),
        };
        Self { inner, sleep, state: Mutex::new(state) }
    }

    /// Returns whether the store has crashed: then every call fails, and nothing is applied.
    pub fn has_crashed(&self) -> bool {
        self.lock().has_crashed
    }

    /// Returns how many calls arrived.
    pub fn calls(&self) -> u64 {
        self.lock().trace.len() as u64
    }

    /// Returns every call so far, in the order of arrival.
    pub fn trace(&self) -> Vec<TracedCall> {
        self.lock().trace.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call, and applies the part of its fault that comes before the call.
    async fn arrive(&self, method: Method, key: &str, bytes: usize) -> StoreResult<Option<Fault>> {
        let fault = self.lock().arrive(method, key, bytes as u64);
        match &fault {
            Some(Fault::Crash) => return Err(crashed(method, key)),
            Some(Fault::Error(error)) => return Err(error.to_store_error(method, key)),
            Some(Fault::Delay(duration)) => {
                self.sleep.sleep(*duration).await;
                // Another call may have crashed the store meanwhile.
                if self.has_crashed() {
                    return Err(crashed(method, key));
                }
            }
            Some(
                Fault::LostReply
                | Fault::CrashAfter
                | Fault::Truncate(_)
                | Fault::FlipBit
                | Fault::ListLacks(..),
            )
            | None => {}
        }
        Ok(fault)
    }

    /// Applies the part of a fault that comes after the call.
    fn leave<T>(fault: Option<&Fault>, method: Method, key: &str, result: StoreResult<T>) -> StoreResult<T> {
        match fault {
            Some(Fault::LostReply) => result.and(Err(InjectedError::LOST_REPLY.to_store_error(method, key))),
            Some(Fault::CrashAfter) => Err(crashed(method, key)),
            _ => result,
        }
    }

    fn damage(&self, fault: Option<&Fault>, bytes: Bytes) -> Bytes {
        match fault {
            Some(Fault::Truncate(length)) => {
                let length = usize::try_from(*length).unwrap_or(usize::MAX);
                bytes.slice(..length.min(bytes.len()))
            }
            Some(Fault::FlipBit) if !bytes.is_empty() => {
                let position = self.lock().generator.below(bytes.len() as u64 * 8);
                let mut damaged = bytes.to_vec();
                damaged[(position / 8) as usize] ^= 1 << (position % 8);
                Bytes::from(damaged)
            }
            _ => bytes,
        }
    }
}

impl State {
    fn arrive(&mut self, method: Method, key: &str, bytes: u64) -> Option<Fault> {
        let number = self.trace.len() as u64 + 1;
        let planned = self.decide(number, method, key);
        let fault = if self.has_crashed { Some(Fault::Crash) } else { planned };
        // The crash is decided here and not when the call ends, so that no later call slips through.
        self.has_crashed |= matches!(fault, Some(Fault::Crash | Fault::CrashAfter));
        self.trace.push(TracedCall { number, method, key: key.to_owned(), bytes, fault: fault.clone() });
        fault
    }

    /// Returns the fault of the first rule that fires. All rules count and draw on every call, so the outcome
    /// of one rule does not shift the others.
    fn decide(&mut self, number: u64, method: Method, key: &str) -> Option<Fault> {
        let mut fault = None;
        for (rule, matches) in self.plan.rules.iter().zip(&mut self.matches) {
            let drawn = self.generator.below(1_000);
            if !rule.matches(method, key) {
                continue;
            }
            *matches += 1;
            if fault.is_none() && rule.when.fires(number, *matches, drawn) {
                fault = Some(rule.fault.clone());
            }
        }
        fault
    }
}

fn crashed(method: Method, key: &str) -> StoreError {
    StoreError::Crashed { operation: method.name(), key: key.to_owned() }
}

#[async_trait]
impl Store for FaultStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        let fault = self.arrive(Method::Get, key, 0).await?;
        let result = self.inner.get(key, range).await.map(|bytes| self.damage(fault.as_ref(), bytes));
        Self::leave(fault.as_ref(), Method::Get, key, result)
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        let fault = self.arrive(Method::GetVersioned, key, 0).await?;
        let result = self.inner.get_versioned(key).await;
        let result = result.map(|(bytes, version)| (self.damage(fault.as_ref(), bytes), version));
        Self::leave(fault.as_ref(), Method::GetVersioned, key, result)
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        let fault = self.arrive(Method::Put, key, bytes.len()).await?;
        let result = self.inner.put(key, bytes, condition).await;
        Self::leave(fault.as_ref(), Method::Put, key, result)
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        let fault = self.arrive(Method::Head, key, 0).await?;
        Self::leave(fault.as_ref(), Method::Head, key, self.inner.head(key).await)
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        let fault = self.arrive(Method::List, prefix, 0).await?;
        let mut result = self.inner.list(prefix).await;
        if let (Some(Fault::ListLacks(from, before)), Ok(objects)) = (&fault, &mut result) {
            objects.retain(|object| {
                object.key < *from || before.as_ref().is_some_and(|before| object.key >= *before)
            });
        }
        Self::leave(fault.as_ref(), Method::List, prefix, result)
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let fault = self.arrive(Method::Delete, key, 0).await?;
        Self::leave(fault.as_ref(), Method::Delete, key, self.inner.delete(key, version).await)
    }
}

#[cfg(test)]
mod tests;
