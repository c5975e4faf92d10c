//! The form of log records in their objects.

use minicbor::{Decode, Encode, bytes::ByteArray};

use super::{CompletedSnapshot, DeletedSnapshot, HeldSnapshot, LogRecord, RecordReference, WHAT};
use crate::{
    entry::Time,
    error::{FormatError, FormatResult},
    ids::{RecordHash, RecordName, RunId, SnapshotDigest, WriterId},
    time::TimeRecord,
};

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Wire {
    #[n(0)]
    writer: ByteArray<16>,
    #[n(1)]
    sequence: u32,
    #[n(2)]
    written: TimeRecord,
    #[n(3)]
    host: String,
    #[n(4)]
    program: String,
    #[n(5)]
    references: Option<Vec<WireReference>>,
    #[n(6)]
    completed: Option<Vec<WireCompleted>>,
    #[n(7)]
    deleted: Option<Vec<WireDeleted>>,
    #[n(8)]
    lost_records: Option<Vec<WireReference>>,
    #[n(9)]
    lost_snapshots: Option<Vec<ByteArray<16>>>,
    #[n(10)]
    holds: Option<Vec<WireHold>>,
    #[n(11)]
    releases: Option<Vec<ByteArray<16>>>,
}

type WireReference = (ByteArray<16>, u32, ByteArray<32>);

#[derive(Encode, Decode)]
#[cbor(map)]
struct WireCompleted {
    #[n(0)]
    run: ByteArray<16>,
    #[n(1)]
    digest: ByteArray<32>,
    #[n(2)]
    source: String,
    #[n(3)]
    host: String,
    #[n(4)]
    started: TimeRecord,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct WireDeleted {
    #[n(0)]
    run: ByteArray<16>,
    #[n(1)]
    reason: String,
    #[n(2)]
    time: TimeRecord,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct WireHold {
    #[n(0)]
    run: ByteArray<16>,
    #[n(1)]
    until_seconds: Option<i64>,
    #[n(2)]
    reason: String,
}

/// Omits an empty list.
fn list<T, W>(items: &[T], wire: impl Fn(&T) -> W) -> Option<Vec<W>> {
    (!items.is_empty()).then(|| items.iter().map(wire).collect())
}

fn read_runs(wire: Option<Vec<ByteArray<16>>>) -> Vec<RunId> {
    wire.unwrap_or_default().into_iter().map(|run| RunId(run.into())).collect()
}

fn wire_reference(reference: &RecordReference) -> WireReference {
    (reference.name.writer.0.into(), reference.name.sequence, reference.hash.0.into())
}

fn read_name(writer: ByteArray<16>, sequence: u32) -> FormatResult<RecordName> {
    if sequence == 0 {
        return Err(FormatError::malformed(WHAT, "its number is 0; the first record has number 1"));
    }
    Ok(RecordName { writer: WriterId(writer.into()), sequence })
}

fn read_references(wire: Option<Vec<WireReference>>) -> FormatResult<Vec<RecordReference>> {
    let read = |(writer, sequence, hash): WireReference| {
        Ok(RecordReference { name: read_name(writer, sequence)?, hash: RecordHash(hash.into()) })
    };
    wire.unwrap_or_default().into_iter().map(read).collect()
}

impl From<&LogRecord> for Wire {
    fn from(record: &LogRecord) -> Self {
        Self {
            writer: record.name.writer.0.into(),
            sequence: record.name.sequence,
            written: record.written.to_record(),
            host: record.host.clone(),
            program: record.program.clone(),
            references: list(&record.references, wire_reference),
            completed: list(&record.completed, |snapshot| WireCompleted {
                run: snapshot.run.0.into(),
                digest: snapshot.digest.0.into(),
                source: snapshot.source.clone(),
                host: snapshot.host.clone(),
                started: snapshot.started.to_record(),
            }),
            deleted: list(&record.deleted, |snapshot| WireDeleted {
                run: snapshot.run.0.into(),
                reason: snapshot.reason.clone(),
                time: snapshot.time.to_record(),
            }),
            lost_records: list(&record.lost_records, wire_reference),
            lost_snapshots: list(&record.lost_snapshots, |run| run.0.into()),
            holds: list(&record.holds, |hold| WireHold {
                run: hold.run.0.into(),
                until_seconds: hold.until_seconds,
                reason: hold.reason.clone(),
            }),
            releases: list(&record.releases, |run| run.0.into()),
        }
    }
}

impl TryFrom<Wire> for LogRecord {
    type Error = FormatError;

    fn try_from(wire: Wire) -> FormatResult<Self> {
        let completed = wire.completed.unwrap_or_default().into_iter().map(|snapshot| {
            Ok(CompletedSnapshot {
                run: RunId(snapshot.run.into()),
                digest: SnapshotDigest(snapshot.digest.into()),
                source: snapshot.source,
                host: snapshot.host,
                started: Time::read(WHAT, snapshot.started)?,
            })
        });
        let deleted = wire.deleted.unwrap_or_default().into_iter().map(|snapshot| {
            Ok(DeletedSnapshot {
                run: RunId(snapshot.run.into()),
                reason: snapshot.reason,
                time: Time::read(WHAT, snapshot.time)?,
            })
        });
        let holds = wire.holds.unwrap_or_default().into_iter().map(|hold| HeldSnapshot {
            run: RunId(hold.run.into()),
            until_seconds: hold.until_seconds,
            reason: hold.reason,
        });
        Ok(Self {
            name: read_name(wire.writer, wire.sequence)?,
            written: Time::read(WHAT, wire.written)?,
            host: wire.host,
            program: wire.program,
            references: read_references(wire.references)?,
            completed: completed.collect::<FormatResult<_>>()?,
            deleted: deleted.collect::<FormatResult<_>>()?,
            lost_records: read_references(wire.lost_records)?,
            lost_snapshots: read_runs(wire.lost_snapshots),
            holds: holds.collect(),
            releases: read_runs(wire.releases),
        })
    }
}
