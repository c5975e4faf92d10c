//! Rules on reading.

use bytes::Bytes;

use super::{Outcome, Suite};
use crate::{error::StoreError, store::StoreExt};

pub(super) async fn check(suite: &Suite) -> Outcome {
    missing(suite).await?;
    ranges(suite).await?;
    empty_object(suite).await
}

async fn missing(suite: &Suite) -> Outcome {
    let rule = suite.rule("what does not exist is not found");
    for name in ["read/missing", "read/missing/deeper/still"] {
        let key = suite.key(name);
        rule.not_found(suite.store.get(&key, None).await)?;
        rule.not_found(suite.store.get(&key, Some(0..1)).await)?;
        rule.not_found(suite.store.get_versioned(&key).await)?;
        rule.not_found(suite.store.head(&key).await)?;
        rule.holds(!rule.success(suite.store.exists(&key).await)?, "it exists")?;
    }
    Ok(())
}

async fn ranges(suite: &Suite) -> Outcome {
    let rule =
        suite.rule("a range gives the bytes in it, and what there is of one that ends beyond the object");
    let key = suite.key("read/ranges");
    let bytes = Bytes::from_static(b"0123456789");
    rule.create(&key, &bytes).await?;
    let cases =
        [(0..10, 0..10), (0..1, 0..1), (9..10, 9..10), (3..7, 3..7), (0..11, 0..10), (9..1_000_000, 9..10)];
    for (range, expected) in cases.into_iter().chain([(4..u64::MAX, 4..10)]) {
        let seen = rule.success(suite.store.get(&key, Some(range.clone())).await)?;
        rule.equal_bytes(&seen, &bytes.slice(expected), &format!("range {range:?}"))?;
    }
    outside(suite, &key).await
}

async fn outside(suite: &Suite, key: &str) -> Outcome {
    let rule = suite.rule("a range that is empty or begins at or beyond the object's end is refused");
    #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake must be an error, not a panic")]
    let cases = [10..11, 10..u64::MAX, 1_000_000..1_000_001, u64::MAX - 1..u64::MAX, 0..0, 5..5, 7..3];
    for range in cases {
        let expected = format!("InvalidRange for {range:?}");
        let is_expected = |error: &StoreError| matches!(error, StoreError::InvalidRange { .. });
        rule.failure(suite.store.get(key, Some(range)).await, &expected, is_expected)?;
    }
    Ok(())
}

async fn empty_object(suite: &Suite) -> Outcome {
    let rule = suite.rule("an empty object exists and has no ranges");
    let key = suite.key("read/empty");
    let version = rule.create(&key, &Bytes::new()).await?;
    rule.stored(&key, &Bytes::new(), &version).await?;
    let is_expected = |error: &StoreError| matches!(error, StoreError::InvalidRange { .. });
    rule.failure(suite.store.get(&key, Some(0..1)).await, "InvalidRange", is_expected)?;
    rule.already_exists(suite.store.create(&key, Bytes::from_static(b"x")).await)
}
