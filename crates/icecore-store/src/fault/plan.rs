//! Which calls fail, and how.

use std::{io, time::Duration};

use crate::{error::StoreError, method::Method};

/// Error that is returned instead of making the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InjectedError {
    /// The store asks to retry later ([`StoreError::Unavailable`], transient).
    Unavailable {
        /// How long the store asks to wait.
        retry_after: Option<Duration>,
    },
    /// The store denies access ([`StoreError::AccessDenied`]).
    AccessDenied,
    /// The store is full ([`StoreError::NoSpace`]).
    NoSpace,
    /// The object must be thawed first ([`StoreError::Archived`]).
    Archived,
    /// The operating system fails ([`StoreError::Io`]).
    Io(io::ErrorKind),
}

impl InjectedError {
    pub(super) const LOST_REPLY: Self = Self::Unavailable { retry_after: None };

    pub(super) fn to_store_error(&self, method: Method, key: &str) -> StoreError {
        let (operation, key, reason) = (method.name(), key.to_owned(), "injected".to_owned());
        match self {
            Self::Unavailable { retry_after } => {
                StoreError::Unavailable { operation, key, reason, retry_after: *retry_after }
            }
            Self::AccessDenied => StoreError::AccessDenied { key, reason },
            Self::NoSpace => StoreError::NoSpace { key, reason },
            Self::Archived => StoreError::Archived { key, class: "GLACIER".to_owned() },
            Self::Io(kind) => StoreError::Io { operation, key, source: io::Error::from(*kind) },
        }
    }
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails without being made.
    Error(InjectedError),
    /// The call is made after this time.
    Delay(Duration),
    /// The call is made, and if it succeeds, its answer is lost: the caller sees a transient error.
    LostReply,
    /// A get returns at most this many bytes, as if the rest were missing; other calls are unaffected.
    Truncate(u64),
    /// A get returns its bytes with one wrong bit, which the seed chooses; other calls are unaffected.
    FlipBit,
    /// A list lacks the keys from the first one on and before the second one, if there is one; other calls
    /// are unaffected.
    ListLacks(String, Option<String>),
    /// The store crashes before the call: this call and all later ones fail, and none is applied.
    Crash,
    /// The store crashes after it has applied the call: this call and all later ones fail.
    CrashAfter,
}

/// When a rule's fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultWhen {
    /// At the n-th call of the store, from 1.
    Call(u64),
    /// At the n-th call that the rule matches, from 1.
    Match(u64),
    /// At the first n calls that the rule matches.
    FirstMatches(u64),
    /// At this many of 1,000 calls that the rule matches; the seed decides which.
    PerMille(u16),
    /// At every call that the rule matches.
    Always,
}

impl FaultWhen {
    pub(super) fn fires(self, number: u64, matches: u64, drawn: u64) -> bool {
        match self {
            Self::Call(call) => number == call,
            Self::Match(wanted) => matches == wanted,
            Self::FirstMatches(wanted) => matches <= wanted,
            Self::PerMille(share) => drawn < u64::from(share),
            Self::Always => true,
        }
    }
}

/// A fault, and the calls that it affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// Only calls of this method; all if absent.
    pub method: Option<Method>,
    /// Only keys (and list prefixes) that begin with this.
    pub key_prefix: String,
    /// Which of these calls.
    pub when: FaultWhen,
    /// What happens to them.
    pub fault: Fault,
}

impl FaultRule {
    pub(super) fn matches(&self, method: Method, key: &str) -> bool {
        self.method.is_none_or(|wanted| wanted == method) && key.starts_with(&self.key_prefix)
    }
}

/// Script of a [`super::FaultStore`]: for each call, the first rule that fires decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// Seed of all random choices.
    pub seed: u64,
    /// The rules, in order of precedence.
    pub rules: Vec<FaultRule>,
}

impl FaultPlan {
    /// Creates a plan without faults.
    pub fn new(seed: u64) -> Self {
        Self { seed, rules: Vec::new() }
    }

    /// Creates a plan that makes the store crash before its `call`-th call (from 1).
    pub fn crash_from(call: u64) -> Self {
        Self::new(0).at_call(call, Fault::Crash)
    }

    /// Adds a fault at the `call`-th call of the store (from 1).
    #[must_use]
    pub fn at_call(self, call: u64, fault: Fault) -> Self {
        self.rule(None, "", FaultWhen::Call(call), fault)
    }

    /// Adds a fault at `share` of 1,000 calls.
    #[must_use]
    pub fn per_mille(self, share: u16, fault: Fault) -> Self {
        self.rule(None, "", FaultWhen::PerMille(share), fault)
    }

    /// Adds a rule for calls of `method` (all if absent) on keys that begin with `key_prefix`.
    #[must_use]
    pub fn rule(mut self, method: Option<Method>, key_prefix: &str, when: FaultWhen, fault: Fault) -> Self {
        self.rules.push(FaultRule { method, key_prefix: key_prefix.to_owned(), when, fault });
        self
    }
}
