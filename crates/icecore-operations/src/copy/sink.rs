//! Who is told what happens during a copy.

use std::io;

use icecore_copy::CopyEvents;
use icecore_format::snapshot::Snapshot;

use super::SnapshotCopy;
use crate::{archived::ArchivedDocument, init::CreatedDocument, look::Ending};

/// Receiver of what happens during a copy.
pub trait CopySink {
    /// Takes whether snapshots of the source disappeared; not called if single snapshots were named.
    fn source_looked_at(&mut self, ending: Ending);

    /// Takes a destination that was created just now.
    fn created(&mut self, created: &CreatedDocument) -> io::Result<()>;

    /// Returns the receiver of the progress of one snapshot; it is dropped when the copy of the snapshot
    /// ends.
    fn progress(&self, snapshot: &Snapshot) -> Box<dyn CopyEvents>;

    /// Takes what became of a snapshot.
    fn snapshot(&mut self, copy: &SnapshotCopy) -> io::Result<()>;

    /// Takes the packs that have to be thawed before the rest can be copied.
    fn archived(&mut self, packs: &[ArchivedDocument]);
}
