//! Receiver of the events of a copy.

use std::io;

use icecore_copy::CopyEvents;
use icecore_format::snapshot::Snapshot;

use super::SnapshotCopy;
use crate::{archived::ArchivedDocument, init::CreatedDocument, look::Ending};

/// Receives the events of a copy.
pub trait CopySink {
    /// Receives whether snapshots of the source disappeared; not called if single snapshots were named.
    fn source_looked_at(&mut self, ending: Ending);

    /// Receives a destination that was just created.
    fn created(&mut self, created: &CreatedDocument) -> io::Result<()>;

    /// Returns the receiver of the progress of one snapshot; it is dropped when the copy of the snapshot
    /// ends.
    fn progress(&self, snapshot: &Snapshot) -> Box<dyn CopyEvents>;

    /// Receives the result for a snapshot.
    fn snapshot(&mut self, copy: &SnapshotCopy) -> io::Result<()>;

    /// Receives the packs that must be thawed before the rest can be copied.
    fn archived(&mut self, packs: &[ArchivedDocument]);
}
