//! Names of the sources of runs that make no snapshot, and of the runs of collectors.

use icecore_format::ids::RunId;

/// Source under which the removal of packs announces itself. Such a run relies on no pack and writes none, so
/// nobody waits for it.
pub(crate) const PRUNE_SOURCE: &str = "prune";
/// Source under which chunks are copied into new packs.
pub(crate) const REPACK_SOURCE: &str = "repack";
/// Source under which a repair announces itself. Its decisive swap is on the object of another run, so that
/// ending its own run does not stop it.
pub(crate) const REPAIR_SOURCE: &str = "repair";

/// Time in the name of a collector's run: after all others, so that a listing of snapshots that was cut short
/// lacks it.
const LAST_MILLISECOND: u64 = (1 << 48) - 1;

/// Makes the name of a collector's run.
pub(crate) fn collector_run(random: [u8; 10]) -> RunId {
    RunId::new(LAST_MILLISECOND, random)
}

/// Returns whether a run has the name of a collector's run: whoever removes it loses nothing.
pub(crate) fn is_of_collector(run: RunId) -> bool {
    run.0[..6] == [0xff; 6]
}
