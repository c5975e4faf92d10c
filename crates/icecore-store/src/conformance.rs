//! The rules that every store keeps, as checks that run on any store: on the stores of this workspace in
//! tests, and by users on their own bucket or directory.

use std::{fmt::Debug, sync::Arc};

use bytes::Bytes;

use crate::{
    error::StoreError,
    key::check_prefix,
    store::{Store, StoreExt, Version},
};

mod create;
mod delete;
mod keys;
mod list;
mod read;
mod swap;

/// Reason why a store does not conform.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// The prefix is not empty and not a valid key followed by `/`, or it is too long for the keys of the
    /// tests.
    #[error("{prefix:?} is not a usable key prefix")]
    InvalidPrefix {
        /// The prefix as given.
        prefix: String,
    },
    /// There are objects below the prefix. The suite would delete them.
    #[error("there are objects below {prefix:?} already, {key} for one")]
    NotEmpty {
        /// The prefix as given.
        prefix: String,
        /// First key found.
        key: String,
    },
    /// The store breaks a rule.
    #[error("the store breaks the rule \"{rule}\": {seen}")]
    Broken {
        /// The rule.
        rule: &'static str,
        /// What happened and, where it matters, what was expected.
        seen: String,
    },
    /// A call failed that should have succeeded.
    #[error("while the rule \"{rule}\" was checked")]
    Failed {
        /// The rule.
        rule: &'static str,
        /// Error of the store.
        source: StoreError,
    },
    /// A task of the suite did not end: it panicked inside the store, or the runtime is shutting down.
    #[error("a task died while the rule \"{rule}\" was checked")]
    TaskDied {
        /// The rule.
        rule: &'static str,
        /// Error of the runtime.
        source: tokio::task::JoinError,
    },
}

type Outcome<T = ()> = Result<T, ConformanceError>;

/// Checks every rule on `store`, below `prefix` (empty, or ending in `/`), and deletes the objects that it
/// wrote.
///
/// The prefix must be fresh: a random part in it lets several runs share a bucket. Makes about 1,200 puts,
/// one of them of 8 MiB, and needs a tokio runtime. Stops at the first broken rule.
pub async fn run(store: Arc<dyn Store>, prefix: &str) -> Result<(), ConformanceError> {
    const LONGEST_TEST_KEY: usize = 300;
    if check_prefix(prefix).is_err() || prefix.len() + LONGEST_TEST_KEY > crate::key::KEY_BYTES_MAX {
        return Err(ConformanceError::InvalidPrefix { prefix: prefix.to_owned() });
    }
    let found = list_all("the prefix can be listed", &store, prefix).await?;
    if let Some(key) = found.into_iter().next() {
        return Err(ConformanceError::NotEmpty { prefix: prefix.to_owned(), key });
    }
    let suite = Suite { store, prefix: prefix.to_owned() };
    let outcome = run_checks(&suite).await;
    let cleaned = suite.clean_up().await;
    // A broken rule matters more than objects that could not be cleaned up after it.
    outcome.and(cleaned)
}

async fn run_checks(suite: &Suite) -> Outcome {
    keys::check(suite).await?;
    create::check(suite).await?;
    read::check(suite).await?;
    swap::check(suite).await?;
    delete::check(suite).await?;
    list::check(suite).await
}

async fn list_all(rule: &'static str, store: &Arc<dyn Store>, prefix: &str) -> Outcome<Vec<String>> {
    let objects = store.list(prefix).await.map_err(|source| ConformanceError::Failed { rule, source })?;
    Ok(objects.into_iter().map(|object| object.key).collect())
}

/// The store under test, and the prefix of all keys in it.
struct Suite {
    store: Arc<dyn Store>,
    prefix: String,
}

impl Suite {
    /// Returns the full key for the name that a check gives to an object.
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn rule(&self, rule: &'static str) -> Rule<'_> {
        Rule { rule, suite: self }
    }

    async fn clean_up(&self) -> Outcome {
        let rule = self.rule("what the suite wrote can be deleted again");
        let keys = list_all(rule.rule, &self.store, &self.prefix).await?;
        rule.for_all(keys, |store, key| async move { store.delete(&key, None).await }).await?;
        rule.equal(&list_all(rule.rule, &self.store, &self.prefix).await?, &Vec::new(), "keys that are left")
    }
}

/// Most concurrent calls of a check, where their order does not matter.
const CALLS_AT_ONCE: usize = 16;

/// The rule that is being checked; creates the errors.
#[derive(Clone, Copy)]
struct Rule<'suite> {
    rule: &'static str,
    suite: &'suite Suite,
}

impl Rule<'_> {
    fn broken(self, seen: String) -> ConformanceError {
        ConformanceError::Broken { rule: self.rule, seen }
    }

    /// Fails unless `is_kept`.
    fn holds(self, is_kept: bool, seen: &str) -> Outcome {
        if is_kept { Ok(()) } else { Err(self.broken(seen.to_owned())) }
    }

    fn equal<T: PartialEq + Debug + ?Sized>(self, seen: &T, expected: &T, what: &str) -> Outcome {
        if seen == expected {
            return Ok(());
        }
        Err(self.broken(format!("{what}: {}, expected {}", shortened(seen), shortened(expected))))
    }

    fn equal_bytes(self, seen: &Bytes, expected: &Bytes, what: &str) -> Outcome {
        if seen == expected {
            return Ok(());
        }
        let first = seen.iter().zip(expected).position(|(seen, expected)| seen != expected);
        let first = first.unwrap_or(seen.len().min(expected.len()));
        let (seen, expected) = (seen.len(), expected.len());
        Err(self.broken(format!("{what}: {seen} bytes, expected {expected}, different from byte {first} on")))
    }

    /// Returns the result of a call that must succeed.
    fn success<T>(self, result: Result<T, StoreError>) -> Outcome<T> {
        result.map_err(|source| ConformanceError::Failed { rule: self.rule, source })
    }

    /// Fails unless the call failed with the error that `is_expected` accepts.
    fn failure<T: Debug>(
        self,
        result: Result<T, StoreError>,
        expected: &str,
        is_expected: impl Fn(&StoreError) -> bool,
    ) -> Outcome {
        match result {
            Err(error) if is_expected(&error) => Ok(()),
            Err(error) => Err(self.broken(format!("{}, expected the error {expected}", shortened(&error)))),
            Ok(value) => {
                Err(self.broken(format!("success with {}, expected the error {expected}", shortened(&value))))
            }
        }
    }

    fn already_exists<T: Debug>(self, result: Result<T, StoreError>) -> Outcome {
        self.failure(result, "AlreadyExists", |error| matches!(error, StoreError::AlreadyExists { .. }))
    }

    fn version_mismatch<T: Debug>(self, result: Result<T, StoreError>) -> Outcome {
        self.failure(result, "VersionMismatch", |error| matches!(error, StoreError::VersionMismatch { .. }))
    }

    fn not_found<T: Debug>(self, result: Result<T, StoreError>) -> Outcome {
        self.failure(result, "NotFound", StoreError::is_not_found)
    }

    /// Creates an object that must not exist.
    async fn create(self, key: &str, bytes: &Bytes) -> Outcome<Version> {
        self.success(self.suite.store.create(key, bytes.clone()).await)
    }

    /// Fails unless all read methods return this object in this state.
    async fn stored(self, key: &str, bytes: &Bytes, version: &Version) -> Outcome {
        let store = &self.suite.store;
        self.equal_bytes(&self.success(store.get(key, None).await)?, bytes, "bytes of get")?;
        let (versioned, of_get) = self.success(store.get_versioned(key).await)?;
        self.equal_bytes(&versioned, bytes, "bytes of get_versioned")?;
        self.equal(&of_get, version, "version of get_versioned")?;
        let head = self.success(store.head(key).await)?;
        self.equal(&head.version, version, "version of head")?;
        self.equal(head.key.as_str(), key, "key of head")?;
        self.equal(&head.size, &(bytes.len() as u64), "size of head")
    }

    /// Makes a call for each item, several at a time; all must succeed. Returns the results in the order in
    /// which the calls ended.
    async fn for_all<Item, T, Call, Answer>(self, items: Vec<Item>, call: Call) -> Outcome<Vec<T>>
    where
        T: Send + 'static,
        Call: Fn(Arc<dyn Store>, Item) -> Answer,
        Answer: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut tasks = tokio::task::JoinSet::new();
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            if tasks.len() >= CALLS_AT_ONCE
                && let Some(ended) = tasks.join_next().await
            {
                results.push(self.joined(ended)?);
            }
            tasks.spawn(call(Arc::clone(&self.suite.store), item));
        }
        while let Some(ended) = tasks.join_next().await {
            results.push(self.joined(ended)?);
        }
        Ok(results)
    }

    fn joined<T>(self, ended: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Outcome<T> {
        let result = ended.map_err(|source| ConformanceError::TaskDied { rule: self.rule, source })?;
        self.success(result)
    }
}

/// Returns a value as text that fits into a message.
fn shortened<T: Debug + ?Sized>(value: &T) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = format!("{value:?}");
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
