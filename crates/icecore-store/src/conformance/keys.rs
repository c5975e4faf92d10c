//! Rules on keys.

use bytes::Bytes;

use super::{Outcome, Suite};
use crate::{error::StoreError, store::StoreExt};

pub(super) async fn check(suite: &Suite) -> Outcome {
    valid_keys(suite).await?;
    invalid_keys(suite).await
}

async fn valid_keys(suite: &Suite) -> Outcome {
    let rule = suite.rule("keys of the allowed characters are kept apart");
    let longest_part = "p".repeat(crate::key::PART_BYTES_MAX);
    let names = [
        "a",
        "A",
        "0",
        "a.b",
        "a-b",
        "a_b",
        ".a",
        "..a",
        "a..",
        "-",
        "_",
        "d/e/f/g/h/i",
        "d/e/f/g/h/I",
        &longest_part,
    ];
    for name in names {
        let bytes = Bytes::from(name.to_owned());
        let key = suite.key(&format!("keys/{name}"));
        let version = rule.create(&key, &bytes).await?;
        rule.stored(&key, &bytes, &version).await?;
    }
    for name in names {
        let bytes = rule.success(suite.store.get(&suite.key(&format!("keys/{name}")), None).await)?;
        rule.equal_bytes(&bytes, &Bytes::from(name.to_owned()), name)?;
    }
    Ok(())
}

async fn invalid_keys(suite: &Suite) -> Outcome {
    let rule = suite.rule("keys of another form are refused by every call");
    let too_long_part = "p".repeat(crate::key::PART_BYTES_MAX + 1);
    let too_long_key = "k/".repeat(crate::key::KEY_BYTES_MAX / 2) + "k";
    let names = [
        "/",
        "a/",
        "a//b",
        ".",
        "..",
        "a/..",
        "../a",
        "a/./b",
        "a b",
        "a+b",
        "a%b",
        "a\\b",
        "a:b",
        "ä",
        "a\n",
        "a\0",
        &too_long_part,
        &too_long_key,
    ];
    let keys = names.into_iter().map(|name| suite.key(&format!("keys/{name}")));
    for key in keys.chain([String::new(), "/absolute".to_owned()]) {
        let store = &suite.store;
        let is_expected = |error: &StoreError| matches!(error, StoreError::InvalidKey { .. });
        let expected = format!("InvalidKey for {}", super::shortened(&key));
        let refused = |result| rule.failure(result, &expected, is_expected);
        refused(store.create(&key, Bytes::new()).await.map(drop))?;
        refused(store.get(&key, None).await.map(drop))?;
        refused(store.get(&key, Some(0..1)).await.map(drop))?;
        refused(store.get_versioned(&key).await.map(drop))?;
        refused(store.head(&key).await.map(drop))?;
        refused(store.delete(&key, None).await)?;
    }
    Ok(())
}
