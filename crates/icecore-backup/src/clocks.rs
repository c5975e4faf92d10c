//! Notices about clocks. They affect only times in lists and references to times.

use icecore_format::entry::Time;
use icecore_repo::{
    session::WriteSession,
    snapshots::{CLOCK_TOLERANCE, SnapshotList},
};

use crate::{events::BackupNotice, request::BackupRequest};

/// Returns a notice if this clock is behind the newest snapshot of the source.
pub(crate) fn behind_newest(list: &SnapshotList, request: &BackupRequest, now: Time) -> Option<BackupNotice> {
    let newest = &list.latest_of(&request.name, &request.host)?.origin;
    let ahead = newest.started.as_nanoseconds() - now.as_nanoseconds();
    let is_behind = ahead > CLOCK_TOLERANCE.as_nanos().cast_signed();
    is_behind.then_some(BackupNotice::ClockBehind { newest: newest.run, started: newest.started })
}

/// Returns a notice if the store's clock differs.
pub(crate) fn differs_from_store(session: &WriteSession<'_>) -> Option<BackupNotice> {
    let difference = session.clock_difference()?;
    (difference.distance() > CLOCK_TOLERANCE).then_some(BackupNotice::ClockDiffers(difference))
}
