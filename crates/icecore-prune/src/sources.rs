//! Names of the sources of runs that make no snapshot.

/// Source under which the removal of packs announces itself. Such a run relies on no pack and writes none, so
/// nobody waits for it.
pub(crate) const PRUNE_SOURCE: &str = "prune";
/// Source under which chunks are copied into new packs.
pub(crate) const REPACK_SOURCE: &str = "repack";
/// Source under which a repair announces itself. Its decisive swap is on the object of another run, so that
/// ending its own run does not stop it.
pub(crate) const REPAIR_SOURCE: &str = "repair";
