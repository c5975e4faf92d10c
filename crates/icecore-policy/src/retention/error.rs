//! Errors of retention.

use super::{rule::RetentionRule, scheme::Scheme};

/// Error of putting a policy together or of applying it. The text fits behind "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionError {
    /// The policy has no rule, so it would keep nothing.
    #[error("the retention policy has no rules: it would keep nothing")]
    KeepsNothing,
    /// A scheme and a rule of its own kind are both given.
    #[error(
        "the scheme {scheme} and the rule `{rule}` are both given: a scheme consists of rules of its own"
    )]
    SchemeAndRule {
        /// Scheme.
        scheme: Scheme,
        /// First rule.
        rule: RetentionRule,
    },
    /// Two rules differ only in their number or duration.
    #[error("the rules `{first}` and `{second}` contradict each other")]
    RuleTwice {
        /// First rule.
        first: RetentionRule,
        /// Second rule.
        second: RetentionRule,
    },
    /// Two snapshots have the same id.
    #[error("the snapshot {id} is listed twice")]
    SnapshotTwice {
        /// The id.
        id: String,
    },
    /// The limit of the guard is not a share.
    #[error("{percent} is not a share from 0 to 100 percent")]
    Share {
        /// The number.
        percent: u8,
    },
}
