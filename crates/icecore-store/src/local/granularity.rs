//! Granularity of file times, on which the generations of objects are based.

/// Granularity of fine stamps in nanoseconds; some network file systems do not keep finer times.
pub(super) const STAMP_UNIT_NANOSECONDS: i64 = 100;

/// Unit of the counter if times have no fractions; FAT keeps even seconds only.
pub(super) const COARSE_SECONDS: i64 = 2;

/// How fine the times of a file system are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granularity {
    /// [`STAMP_UNIT_NANOSECONDS`] or finer: the fraction of the second is the generation.
    Fine,
    /// Coarser: the second is the generation.
    Coarse,
}

/// Cuts seconds to whole units of the coarse counter.
pub(super) fn floor_seconds(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(COARSE_SECONDS)
}
