//! Retention: which snapshots are kept and which are forgotten.
//!
//! [`plan()`] turns rules and a list of snapshots into a [`RetentionPlan`], a value that gives every snapshot
//! its fate with all reasons. It reads no clock and no time zone database: both are passed in.
//! `docs/retention.md` describes the rules for users.
//!
//! ```
//! use icecore_policy::retention::{GroupBy, GuardLimits, RetentionItem, RetentionPolicy, RetentionRequest};
//! use icecore_policy::retention::{RetentionRule, RetentionSelection, PeriodUnit, plan};
//! use jiff::{Timestamp, tz::TimeZone};
//!
//! let snapshot = |id: &str, time: &str| RetentionItem::new(id, time.parse().unwrap(), "web1", "home");
//! let items = [
//!     snapshot("a", "2026-11-29T08:00:00Z"),
//!     snapshot("b", "2026-11-29T20:00:00Z"),
//!     snapshot("c", "2026-11-30T08:00:00Z"),
//! ];
//! let rules = vec![RetentionRule::newest(PeriodUnit::Day, "7".parse()?)];
//! let request = RetentionRequest {
//!     policy: RetentionPolicy::new(rules, None)?,
//!     selection: RetentionSelection::default(),
//!     group_by: GroupBy::default(),
//!     zone: TimeZone::UTC,
//!     now: "2026-11-30T09:00:00Z".parse::<Timestamp>()?,
//!     guard: Some(GuardLimits::default()),
//! };
//! let plan = plan(&request, &items)?;
//! let kept: Vec<&str> = plan.kept().map(|decision| decision.id.as_str()).collect();
//! // "a" is kept, too: as long as there are fewer than seven days, the oldest snapshot stays.
//! assert_eq!(kept, ["a", "b", "c"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod civil;
mod duration;
mod error;
mod evaluation;
mod guard;
mod item;
mod parse_error;
mod period;
mod plan;
mod planner;
mod policy;
mod rule;
mod scheme;
mod selection;

pub use duration::RetentionDuration;
pub use error::RetentionError;
pub use guard::{GuardLimits, SHARE_PERCENT_DEFAULT};
pub use item::{RetentionHold, RetentionItem};
pub use parse_error::RetentionParseError;
pub use period::{Period, PeriodUnit};
pub use plan::{
    Decision, ForgetReason, GroupPlan, GuardReason, KeepReason, PeriodStanding, RetentionFate, RetentionPlan,
    ShareRefusal, UnusualChange,
};
pub use planner::{RetentionRequest, plan};
pub use policy::RetentionPolicy;
pub use rule::{KeepCount, Reach, RetentionRule};
pub use scheme::{DECAYING_BLOCKS, DECAYING_POWERS, HANOI_DISCS, Scheme};
pub use selection::{GroupBy, GroupKey, RetentionSelection, TagFilter};

#[cfg(test)]
mod tests;
