//! The result: what happens to each snapshot, and why.

use jiff::Timestamp;

use super::{
    item::RetentionHold,
    period::Period,
    rule::RetentionRule,
    selection::{GroupKey, TagFilter},
};

/// Why a rule keeps a snapshot of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodStanding {
    /// It is the newest one of the period.
    Newest,
    /// It is the newest whole one. Newer ones, which count instead, are partial.
    NewestWhole,
    /// It is the oldest one of the group, and the rule could keep more periods than there are.
    Oldest,
}

/// A change between two snapshots of a source that may be an accident or an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusualChange {
    /// Less than half of the files were left.
    FilesDropped {
        /// Files before.
        from: u64,
        /// Files after.
        to: u64,
    },
    /// More than half of the content was new, and far more than usual.
    BytesAdded {
        /// Bytes that were new.
        added: u64,
        /// Most bytes that were new in one of the snapshots before.
        usual_max: u64,
        /// Bytes of all files.
        total: u64,
    },
}

/// Why the guard keeps a snapshot that the rules would forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardReason {
    /// No other whole snapshot of the source would remain; or no snapshot at all, if none is whole.
    LastOfSource,
    /// It is the last one before an unusual change.
    BeforeChange {
        /// The change.
        change: UnusualChange,
        /// First snapshot with the change.
        changed: String,
    },
    /// It is the first one with an unusual change, without which nobody could see the change.
    Changed(UnusualChange),
}

/// Why a snapshot is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeepReason {
    /// A rule keeps it.
    Rule {
        /// The rule.
        rule: RetentionRule,
        /// Its period.
        period: Period,
        /// Why it is the one of the period.
        standing: PeriodStanding,
    },
    /// It has a tag whose snapshots are kept.
    Tag(TagFilter),
    /// It is held.
    Hold(RetentionHold),
    /// Its time is in the future or contradicts the order of the snapshots, so rules cannot judge it. It does
    /// not count, either.
    DoubtfulTime,
    /// The guard keeps it although no rule does.
    Guard(GuardReason),
}

/// Why one rule does not keep a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgetReason {
    /// Another snapshot stands for its period.
    PeriodKept {
        /// The rule.
        rule: RetentionRule,
        /// The period.
        period: Period,
        /// Snapshot that is kept.
        by: String,
    },
    /// The rule keeps as many newer periods as it may.
    BeyondCount {
        /// The rule.
        rule: RetentionRule,
        /// The period.
        period: Period,
    },
    /// The snapshot is too old.
    OutsideWindow {
        /// The rule.
        rule: RetentionRule,
        /// Snapshots of this moment and older ones are too old.
        until: Timestamp,
    },
    /// It does not have the tag.
    TagMissing(TagFilter),
}

/// What happens to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetentionFate {
    /// It is kept, for each of these reasons alone; there is at least one.
    Keep(Vec<KeepReason>),
    /// It is forgotten; every rule that looks at it has a reason.
    Forget(Vec<ForgetReason>),
}

/// A snapshot and its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Snapshot.
    pub id: String,
    /// Fate.
    pub fate: RetentionFate,
}

impl Decision {
    /// Returns whether the snapshot is kept.
    pub fn is_kept(&self) -> bool {
        matches!(self.fate, RetentionFate::Keep(_))
    }
}

/// The guard refuses the plan of a group, because an unusual share of its snapshots would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareRefusal {
    /// Snapshots that would go although earlier rules kept them, or that would go when rules are applied for
    /// the first time.
    pub forgotten: usize,
    /// Snapshots of which these are a share.
    pub of: usize,
    /// Whether no rules were applied to the group before.
    pub is_first: bool,
}

/// What happens to the snapshots of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// What they have in common.
    pub key: GroupKey,
    /// Decisions, the oldest snapshot first.
    pub decisions: Vec<Decision>,
    /// The guard's refusal. Until the user confirms it, no snapshot of the group may be forgotten.
    pub refusal: Option<ShareRefusal>,
}

/// What happens to all selected snapshots. A snapshot that the plan does not name stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPlan {
    /// Plans of the groups, ordered by their keys.
    pub groups: Vec<GroupPlan>,
}

impl RetentionPlan {
    /// Returns all decisions.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.groups.iter().flat_map(|group| &group.decisions)
    }

    /// Returns the snapshots that are kept.
    pub fn kept(&self) -> impl Iterator<Item = &Decision> {
        self.decisions().filter(|decision| decision.is_kept())
    }

    /// Returns the snapshots that are forgotten, those of refused groups included.
    pub fn forgotten(&self) -> impl Iterator<Item = &Decision> {
        self.decisions().filter(|decision| !decision.is_kept())
    }

    /// Returns the groups that the guard refuses.
    pub fn refused(&self) -> impl Iterator<Item = (&GroupKey, ShareRefusal)> {
        self.groups.iter().filter_map(|group| Some((&group.key, group.refusal?)))
    }
}
