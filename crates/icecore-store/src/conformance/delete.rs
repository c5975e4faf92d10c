//! Rules on deletion.

use bytes::Bytes;

use super::{Outcome, Suite, list_all};
use crate::store::StoreExt;

pub(super) async fn check(suite: &Suite) -> Outcome {
    plain(suite).await?;
    conditional(suite).await
}

async fn plain(suite: &Suite) -> Outcome {
    let rule = suite.rule("a deleted object is gone at once, and deleting a missing object is not an error");
    let key = suite.key("delete/object");
    let neighbour = suite.key("delete/object-neighbour");
    let bytes = Bytes::from_static(b"bytes");
    rule.create(&key, &bytes).await?;
    let version = rule.create(&neighbour, &bytes).await?;
    for _ in 0..2 {
        rule.success(suite.store.delete(&key, None).await)?;
        rule.not_found(suite.store.get(&key, None).await)?;
        rule.not_found(suite.store.head(&key).await)?;
        let left = list_all(rule.rule, &suite.store, &suite.key("delete/")).await?;
        rule.equal(&left, &vec![neighbour.clone()], "keys that are left")?;
    }
    rule.success(suite.store.delete(&suite.key("delete/never/was"), None).await)?;
    rule.stored(&neighbour, &bytes, &version).await?;
    let again = Bytes::from_static(b"again");
    let version = rule.create(&key, &again).await?;
    rule.stored(&key, &again, &version).await
}

async fn conditional(suite: &Suite) -> Outcome {
    let rule = suite.rule("a conditional deletion needs the object's present version");
    let key = suite.key("delete/conditional");
    let old = rule.create(&key, &Bytes::from_static(b"one")).await?;
    let second = Bytes::from_static(b"two");
    let new = rule.success(suite.store.replace(&key, second.clone(), old.clone()).await)?;
    rule.version_mismatch(suite.store.delete(&key, Some(old.clone())).await)?;
    rule.stored(&key, &second, &new).await?;
    rule.success(suite.store.delete(&key, Some(new.clone())).await)?;
    rule.not_found(suite.store.get(&key, None).await)?;
    for version in [old, new] {
        rule.success(suite.store.delete(&key, Some(version)).await)?;
    }
    Ok(())
}
