//! The table of `snapshots`.

use icecore_format::snapshot::{Completion, Snapshot};
use icecore_operations::{
    documents::level_name,
    snapshots::{SnapshotsReport, clock_name},
    text,
};
use icecore_repo::snapshots::ClockError;
use jiff::tz::TimeZone;

use crate::{
    commands::hold::hold_text,
    surface::table::{Align, Table},
};

/// Returns the table of the snapshots.
pub(super) fn table(report: &SnapshotsReport, zone: &TimeZone) -> Table {
    let snapshots: Vec<&Snapshot> = report.snapshots().collect();
    // The host matters only if there are several.
    let several_hosts = snapshots.iter().any(|snapshot| snapshot.origin.host != snapshots[0].origin.host);
    let mut columns = vec![("id", Align::Left), ("time", Align::Left)];
    if several_hosts {
        columns.push(("host", Align::Left));
    }
    columns.extend([
        ("source", Align::Left),
        ("level", Align::Left),
        ("files", Align::Right),
        ("size", Align::Right),
        ("new", Align::Right),
        ("", Align::Left),
    ]);
    let mut table = Table::new(&columns);
    for snapshot in snapshots {
        let (origin, Some(completion)) = (&snapshot.origin, snapshot.completion()) else { continue };
        let mut cells = vec![origin.run.snapshot_id(), text::local_time(origin.started, zone)];
        if several_hosts {
            cells.push(printable(&origin.host));
        }
        cells.extend([
            printable(&origin.source),
            level_name(origin.level).to_owned(),
            text::count(completion.totals.files),
            text::size(completion.totals.bytes),
            text::size(completion.statistics.bytes_new),
            remarks(snapshot, completion, report.doubtful.get(&origin.run).copied(), zone),
        ]);
        table.row(cells);
    }
    table
}

fn printable(text: &str) -> String {
    text::printable(text.as_bytes()).into_owned()
}

fn remarks(
    snapshot: &Snapshot,
    completion: &Completion,
    clock: Option<ClockError>,
    zone: &TimeZone,
) -> String {
    let clock = clock.map(|error| format!("wrong time (clock {})", clock_name(error)));
    let damaged = completion.damage.map(|mark| match mark.files {
        // The list of files itself is damaged.
        0 => "damaged".to_owned(),
        files => format!("damaged ({})", text::counted(files, "file")),
    });
    let errors = completion.errors;
    let partial = (errors > 0).then(|| format!("partial ({} missing)", text::count(errors)));
    let copy = snapshot.origin.copy_of.map(|original| format!("copy of {}", original.run.snapshot_id()));
    let tags = snapshot.origin.tags.iter().map(|(key, value)| printable(&format!("{key}={value}")));
    let hold = completion.hold.as_ref().map(|hold| hold_text(hold, zone));
    let note = Some(&completion.note).filter(|note| !note.is_empty());
    let note = note.map(|note| format!("note: {}", printable(note)));
    let remarks = damaged.into_iter().chain(partial).chain(clock).chain(copy).chain(tags);
    remarks.chain(hold).chain(note).collect::<Vec<_>>().join("  ")
}
