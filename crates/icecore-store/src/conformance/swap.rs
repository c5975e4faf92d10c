//! Rules on replacement by compare-and-swap.

use std::sync::Arc;

use bytes::Bytes;

use super::{Outcome, Suite};
use crate::{
    error::StoreError,
    store::{Store, StoreExt, Version},
};

pub(super) async fn check(suite: &Suite) -> Outcome {
    winning_and_losing(suite).await?;
    deleted_in_between(suite).await?;
    history(suite).await?;
    concurrent(suite).await
}

async fn winning_and_losing(suite: &Suite) -> Outcome {
    let rule = suite.rule("a replacement needs the object's present version, and changes it");
    let key = suite.key("swap/object");
    let (first, second) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
    let old = rule.create(&key, &first).await?;
    let new = rule.success(suite.store.replace(&key, second.clone(), old.clone()).await)?;
    rule.holds(new != old, "the version stayed the same although the bytes changed")?;
    rule.stored(&key, &second, &new).await?;
    for wrong in [old, Version("no version of any store".to_owned()), Version(String::new())] {
        rule.version_mismatch(suite.store.replace(&key, first.clone(), wrong).await)?;
        rule.stored(&key, &second, &new).await?;
    }
    Ok(())
}

async fn deleted_in_between(suite: &Suite) -> Outcome {
    let rule = suite.rule("a replacement fails when the object was deleted, and when it was created again");
    let key = suite.key("swap/deleted");
    let version = rule.create(&key, &Bytes::from_static(b"one")).await?;
    rule.success(suite.store.delete(&key, None).await)?;
    rule.version_mismatch(suite.store.replace(&key, Bytes::from_static(b"two"), version.clone()).await)?;
    rule.not_found(suite.store.get(&key, None).await)?;
    let anew = Bytes::from_static(b"ONE");
    let new = rule.create(&key, &anew).await?;
    rule.version_mismatch(suite.store.replace(&key, Bytes::from_static(b"two"), version.clone()).await)?;
    rule.stored(&key, &anew, &new).await?;
    let nowhere = suite.key("swap/nowhere/at/all");
    rule.version_mismatch(suite.store.replace(&nowhere, Bytes::from_static(b"two"), version).await)?;
    rule.not_found(suite.store.get(&nowhere, None).await)
}

async fn history(suite: &Suite) -> Outcome {
    const STATES: usize = 40;
    let rule = suite.rule("states with different bytes never share a version");
    let key = suite.key("swap/history");
    let mut versions: Vec<Version> = Vec::new();
    for state in 0..STATES {
        // Always the same length; replaced and deleted in turn, as fast as the store allows.
        let bytes = Bytes::from(format!("state {state:04}"));
        let version = match versions.last() {
            Some(last) if state % 3 != 0 => {
                rule.success(suite.store.replace(&key, bytes, last.clone()).await)?
            }
            Some(last) => {
                rule.success(suite.store.delete(&key, Some(last.clone())).await)?;
                rule.create(&key, &bytes).await?
            }
            None => rule.create(&key, &bytes).await?,
        };
        if let Some(earlier) = versions.iter().position(|earlier| *earlier == version) {
            return Err(rule.broken(format!("states {earlier} and {state} are both {version:?}")));
        }
        versions.push(version);
    }
    Ok(())
}

async fn concurrent(suite: &Suite) -> Outcome {
    const WRITERS: u64 = 8;
    const UPDATES: u64 = 5;
    let rule = suite.rule("of updates at the same time none is lost");
    let key = suite.key("swap/updates");
    rule.create(&key, &Bytes::from_static(b"start")).await?;
    rule.for_all((0..WRITERS).collect(), |store, writer| {
        let key = key.clone();
        async move {
            for update in 0..UPDATES {
                append(&store, &key, &format!("{writer}.{update}")).await?;
            }
            Ok(())
        }
    })
    .await?;
    let bytes = rule.success(suite.store.get(&key, None).await)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut seen: Vec<_> = text.split(' ').skip(1).map(str::to_owned).collect();
    seen.sort_unstable();
    let updates = |writer| (0..UPDATES).map(move |update| format!("{writer}.{update}"));
    let expected: Vec<_> = (0..WRITERS).flat_map(updates).collect();
    rule.equal(&seen.len(), &expected.len(), "number of updates")?;
    rule.equal(&seen, &expected, "updates")
}

/// Appends the caller's mark to the object, once. The update can be repeated. This is necessary where answers
/// get lost: if an update was applied and another writer then built on it, it looks like a failed one.
async fn append(store: &Arc<dyn Store>, key: &str, mark: &str) -> Result<(), StoreError> {
    loop {
        let (bytes, version) = store.get_versioned(key).await?;
        let text = String::from_utf8_lossy(&bytes);
        if text.split(' ').any(|seen| seen == mark) {
            return Ok(());
        }
        match store.replace(key, Bytes::from(format!("{text} {mark}")), version).await {
            Ok(_) => return Ok(()),
            Err(StoreError::VersionMismatch { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}
