//! The store as one actor sees it: each call waits for the actor's turn, and the scheduler decides what
//! happens to it.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use icecore_store::{Method, ObjectInfo, PutCondition, Store, StoreError, StoreResult, Version};

use crate::{
    bucket::{Bucket, now},
    turns::{Turns, Verdict, Wish},
};

/// A call that has its effect after its caller has given it up.
#[derive(Debug)]
pub(crate) enum LateCall {
    Put(String, Bytes, PutCondition),
    Delete(String, Option<Version>),
}

/// Calls that are on their way.
#[derive(Debug, Default)]
pub(crate) struct LateCalls(Mutex<Vec<LateCall>>);

impl LateCalls {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Makes one of the calls; returns what it was and how it ended.
    pub(crate) fn arrive(&self, number: usize, bucket: &Bucket) -> String {
        let call = self.0.lock().unwrap().remove(number);
        let (text, result) = match call {
            LateCall::Put(key, bytes, condition) => {
                (format!("put {key}"), now(bucket.put(&key, bytes, condition)).map(drop))
            }
            LateCall::Delete(key, version) => (format!("delete {key}"), now(bucket.delete(&key, version))),
        };
        format!("late {text}{}", if result.is_ok() { "" } else { ": refused" })
    }
}

/// The store of one actor.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) actor: usize,
    pub(crate) turns: Arc<Turns>,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) late: Arc<LateCalls>,
}

impl Gate {
    fn ask(&self, method: Method, key: &str) -> Verdict {
        self.turns.ask(self.actor, Wish::Call(method, key.to_owned()))
    }

    /// Makes a call that only reads, or does not.
    async fn read<T>(
        &self,
        method: Method,
        key: &str,
        call: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        match self.ask(method, key) {
            Verdict::Made | Verdict::Short(_) => call.await,
            Verdict::Failed | Verdict::AnswerLost | Verdict::Late => Err(lost(method, key)),
            Verdict::Crashed | Verdict::CrashedAfter | Verdict::CrashedLate => Err(crashed(method, key)),
        }
    }

    /// Makes a call that changes something, or does not, or lets it be made later.
    async fn change<T>(
        &self,
        method: Method,
        key: &str,
        call: impl Future<Output = StoreResult<T>> + Send,
        late: LateCall,
    ) -> StoreResult<T> {
        match self.ask(method, key) {
            Verdict::Made | Verdict::Short(_) => call.await,
            Verdict::Failed => Err(lost(method, key)),
            Verdict::AnswerLost => call.await.and(Err(lost(method, key))),
            Verdict::Late => {
                self.late.0.lock().unwrap().push(late);
                Err(lost(method, key))
            }
            Verdict::Crashed => Err(crashed(method, key)),
            Verdict::CrashedAfter => call.await.and(Err(crashed(method, key))),
            Verdict::CrashedLate => {
                self.late.0.lock().unwrap().push(late);
                Err(crashed(method, key))
            }
        }
    }
}

fn lost(method: Method, key: &str) -> StoreError {
    let (operation, key, reason) = (method.name(), key.to_owned(), "the answer was lost".to_owned());
    StoreError::Unavailable { operation, key, reason, retry_after: None }
}

fn crashed(method: Method, key: &str) -> StoreError {
    StoreError::Crashed { operation: method.name(), key: key.to_owned() }
}

#[async_trait]
impl Store for Gate {
    fn location(&self) -> String {
        self.bucket.location()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> StoreResult<Bytes> {
        self.read(Method::Get, key, self.bucket.get(key, range)).await
    }

    async fn get_versioned(&self, key: &str) -> StoreResult<(Bytes, Version)> {
        self.read(Method::GetVersioned, key, self.bucket.get_versioned(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: PutCondition) -> StoreResult<Version> {
        let late = LateCall::Put(key.to_owned(), bytes.clone(), condition.clone());
        self.change(Method::Put, key, self.bucket.put(key, bytes, condition), late).await
    }

    async fn head(&self, key: &str) -> StoreResult<ObjectInfo> {
        self.read(Method::Head, key, self.bucket.head(key)).await
    }

    async fn list(&self, prefix: &str) -> StoreResult<Vec<ObjectInfo>> {
        match self.ask(Method::List, prefix) {
            Verdict::Made => self.bucket.list(prefix).await,
            Verdict::Short(number) => {
                let mut listed = self.bucket.list(prefix).await?;
                listed.truncate((number % (listed.len() as u64 + 1)) as usize);
                Ok(listed)
            }
            Verdict::Failed | Verdict::AnswerLost | Verdict::Late => Err(lost(Method::List, prefix)),
            Verdict::Crashed | Verdict::CrashedAfter | Verdict::CrashedLate => {
                Err(crashed(Method::List, prefix))
            }
        }
    }

    async fn delete(&self, key: &str, version: Option<Version>) -> StoreResult<()> {
        let late = LateCall::Delete(key.to_owned(), version.clone());
        self.change(Method::Delete, key, self.bucket.delete(key, version), late).await
    }
}
