//! Rules on creation.

use bytes::Bytes;

use super::{Outcome, Suite};
use crate::{error::StoreError, store::StoreExt};

pub(super) async fn check(suite: &Suite) -> Outcome {
    once(suite).await?;
    large(suite).await?;
    concurrent(suite).await
}

async fn once(suite: &Suite) -> Outcome {
    let rule = suite.rule("create-if-absent never overwrites");
    let key = suite.key("create/once");
    let bytes = Bytes::from_static(b"first");
    let version = rule.create(&key, &bytes).await?;
    rule.stored(&key, &bytes, &version).await?;
    // Different bytes: with the same bytes, a store that retries would take the error for the echo of its own
    // put whose answer was lost.
    for second in ["second", ""] {
        rule.already_exists(suite.store.create(&key, Bytes::from(second)).await)?;
        rule.stored(&key, &bytes, &version).await?;
    }
    Ok(())
}

async fn large(suite: &Suite) -> Outcome {
    const BYTES: usize = 8 << 20;
    let rule = suite.rule("a large object is read as it was written");
    let key = suite.key("create/large");
    // No two blocks of this pattern are equal, so pieces in the wrong order are noticed.
    let words = (0..BYTES as u64 / 8).flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let bytes: Bytes = words.collect();
    let version = rule.create(&key, &bytes).await?;
    rule.stored(&key, &bytes, &version).await?;
    let middle = 5_000_001_u64..5_000_100;
    let part = rule.success(suite.store.get(&key, Some(middle)).await)?;
    rule.equal_bytes(&part, &bytes.slice(5_000_001..5_000_100), "a range in the middle")
}

async fn concurrent(suite: &Suite) -> Outcome {
    const CREATORS: usize = 16;
    let rule = suite.rule("of creators at the same time exactly one wins");
    for round in 0..4 {
        let key = suite.key(&format!("create/race-{round}/object"));
        let results = rule
            .for_all((0..CREATORS).collect(), |store, creator| {
                let key = key.clone();
                async move {
                    // Different lengths, so that a mixture would be noticed.
                    let bytes = Bytes::from(format!("{creator} ").repeat(1_000 + creator));
                    match store.create(&key, bytes.clone()).await {
                        Ok(version) => Ok(Some((bytes, version))),
                        Err(StoreError::AlreadyExists { .. }) => Ok(None),
                        Err(error) => Err(error),
                    }
                }
            })
            .await?;
        let winners: Vec<_> = results.into_iter().flatten().collect();
        let [(bytes, version)] = winners.as_slice() else {
            return Err(rule.broken(format!("{} of {CREATORS} won", winners.len())));
        };
        rule.stored(&key, bytes, version).await?;
    }
    Ok(())
}
