//! Rules on listing.

use std::sync::Arc;

use bytes::Bytes;

use super::{Outcome, Suite, list_all};
use crate::{
    error::StoreError,
    store::{Store, StoreExt},
};

pub(super) async fn check(suite: &Suite) -> Outcome {
    prefixes_and_order(suite).await?;
    invalid_prefixes(suite).await?;
    many(suite).await
}

async fn prefixes_and_order(suite: &Suite) -> Outcome {
    let rule = suite.rule("a list holds what is below the prefix, sorted by key as bytes");
    // Sorted as bytes; walking a directory tree would give another order.
    let names = ["a-b", "a.b", "a/b", "a/b.c", "a/c/d", "a0", "aB", "a_", "ab", "b/a"];
    for name in names.iter().rev() {
        rule.create(&suite.key(&format!("list/{name}")), &Bytes::from(*name)).await?;
    }
    for (prefix, expected) in [
        ("list/", names.as_slice()),
        ("list/a/", &["a/b", "a/b.c", "a/c/d"]),
        ("list/a/c/", &["a/c/d"]),
        ("list/b/", &["b/a"]),
        ("list/none/", &[]),
        ("lis/", &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|name| suite.key(&format!("list/{name}"))).collect();
        let seen = list_all(rule.rule, &suite.store, &suite.key(prefix)).await?;
        rule.equal(&seen, &expected, &format!("keys below {prefix}"))?;
    }
    described(suite).await
}

async fn described(suite: &Suite) -> Outcome {
    let rule = suite.rule("a list describes an object as head does, and shows a replacement at once");
    let prefix = suite.key("list/b/");
    let key = suite.key("list/b/a");
    for length in [3, 0, 1_000] {
        let version = rule.success(suite.store.head(&key).await)?.version;
        let version =
            rule.success(suite.store.replace(&key, Bytes::from(vec![b'x'; length]), version).await)?;
        let seen = rule.success(suite.store.list(&prefix).await)?;
        let head = rule.success(suite.store.head(&key).await)?;
        rule.equal(&seen, &vec![head.clone()], "the list")?;
        rule.equal(&(head.size, head.version), &(length as u64, version), "size and version")?;
    }
    Ok(())
}

async fn invalid_prefixes(suite: &Suite) -> Outcome {
    let rule = suite.rule("a prefix that is not empty and not a key with / behind it is refused");
    for name in ["list", "list/a", "list//", "list/../", "li st/"] {
        let prefix = suite.key(name);
        let is_expected = |error: &StoreError| matches!(error, StoreError::InvalidKey { .. });
        rule.failure(suite.store.list(&prefix).await, &format!("InvalidKey for {prefix:?}"), is_expected)?;
    }
    Ok(())
}

async fn many(suite: &Suite) -> Outcome {
    // A few more than one page of S3.
    const OBJECTS: usize = 1_005;
    let rule = suite.rule("a list of more than 1,000 objects is complete");
    let keys: Vec<_> = (0..OBJECTS).map(|number| suite.key(&format!("many/{number:05}"))).collect();
    let create = |store: Arc<dyn Store>, key: String| async move {
        store.create(&key, Bytes::from_static(b"1")).await
    };
    rule.for_all(keys.clone(), create).await?;
    let seen = list_all(rule.rule, &suite.store, &suite.key("many/")).await?;
    rule.equal(&seen.len(), &OBJECTS, "number of keys")?;
    rule.equal(&seen, &keys, "keys")
}
