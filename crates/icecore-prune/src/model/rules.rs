//! The rules of the protocol. Each can be left out, to see that the checker finds what it is for.

/// A rule that a configuration may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// Writer: looks at the records after it has announced itself.
    LookAfterAnnounce,
    /// Writer: lists packs after it has looked, and never relies on an older list.
    ListAfterLook,
    /// Writer: packs in records are absent.
    CondemnedIsAbsent,
    /// Writer: packs of dead runs that are not usable are absent.
    DeadRunIsAbsent,
    /// Writer: a listed record that is gone when it is read makes it list the records again.
    VanishedRecord,
    /// Writer: files taken over from the base are looked up like others.
    BaseIsChecked,
    /// Writer: adopts no pack that is condemned.
    AdoptionChecks,
    /// Writer: a session that continues another one looks again.
    ContinuationLooks,
    /// Writer: reads its own object before it takes a mismatch for a fence.
    MismatchIsRead,
    /// Collector: waits for the runs that are pending when the record has been created.
    WaitList,
    /// Collector: the survey of the proof begins after the last waited-for run has ended.
    ProofAfterWaiting,
    /// Collector: takes out of the record what is not dead.
    Spare,
    /// Collector: sweeps only if the record is still as it was proved.
    ConditionalSweep,
    /// Collector: names fenced runs as dead in the next record.
    DeadRuns,
    /// Collector: packs of dead runs that were unusable stay unusable.
    UsableOnlyShrinks,
    /// Collector: each record repeats the dead runs of the one before.
    DeadRunsStay,
    /// Collector: closes a record only when the newest one names its fenced runs as dead.
    CloseAfterDeadRuns,
    /// Collector: names runs whose object is gone, or may go with an open record, as cleared.
    ClearedRuns,
    /// Collector: never removes the newest record.
    NewestStays,
    /// Collector: what is still there when a sweep has removed all that it noted is condemned again.
    LateObjectsAgain,
    /// Collector: a directory whose pack is not there is dead, although its chunks may be live.
    LostPackIsDead,
    /// Collector: a listing of snapshots without its own object ends the collection.
    OwnObjectListed,
    /// Collector: the log names deleted snapshots before their objects go.
    LogBeforeDelete,
    /// Collector: removes directories before packs.
    DirectoriesFirst,
    /// Undo: takes what it needs out of records.
    Rescue,
    /// Undo: announces itself.
    UndoAnnounces,
    /// Undo: ends when a record in state sweeping names what it needs.
    TooLate,
    /// Undo: completes a snapshot of its own, and not the one that was deleted.
    UndoCommitsItself,
    /// Undo: packs of dead runs that are not usable are absent.
    UndoDistrustsDeadRuns,
}
