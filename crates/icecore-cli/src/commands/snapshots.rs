//! `snapshots`: lists the recovery points.

use std::collections::HashMap;

use icecore_access::AccessMode;
use icecore_format::{
    ids::RunId,
    snapshot::{Completion, Snapshot},
};
use icecore_repo::snapshots::ClockError;
use serde::Serialize;

use crate::{
    arguments::inspect::SnapshotsArguments,
    context::Context,
    failure::{Outcome, exit_status::ExitStatus},
    surface::{
        console::ResultWriter,
        requests,
        table::{Align, Table},
    },
    watch::Look,
};
use icecore_operations::{
    documents::{SnapshotDocument, level_name},
    text,
};

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &SnapshotsArguments) -> Outcome<ExitStatus> {
    let mut open = context.access.open(AccessMode::Read)?;
    let look = Look::begin(context, &mut open, arguments.rollback)?;
    let list = look.list();
    let has_tags = |snapshot: &&Snapshot| {
        arguments.tag.iter().all(|(key, value)| snapshot.origin.tags.get(key) == Some(value))
    };
    let chosen: Vec<&Snapshot> = list.complete(arguments.source.as_deref()).filter(has_tags).collect();
    let doubtful = list.doubtful_times();
    if context.console.json {
        let documents = chosen.iter().filter_map(|snapshot| {
            let clock = doubtful.get(&snapshot.origin.run).copied();
            Some(ListedDocument { snapshot: SnapshotDocument::new(snapshot)?, clock: clock.map(clock_name) })
        });
        ResultWriter::document(&documents.collect::<Vec<_>>())?;
    } else if chosen.is_empty() {
        context.console.notice("there are no such snapshots");
    } else {
        ResultWriter::print(&table(context, &chosen, &doubtful).text())?;
    }
    requests::tell_calls(&context.console, &open.usage);
    Ok(look.end(context))
}

/// A snapshot in the list.
#[derive(Serialize)]
struct ListedDocument {
    #[serde(flatten)]
    snapshot: SnapshotDocument,
    clock: Option<&'static str>,
}

fn clock_name(error: ClockError) -> &'static str {
    match error {
        ClockError::Ahead => "ahead",
        ClockError::Behind => "behind",
    }
}

fn table(context: &Context, snapshots: &[&Snapshot], doubtful: &HashMap<RunId, ClockError>) -> Table {
    // The host matters only where there are several.
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
        let mut cells =
            vec![origin.run.snapshot_id(), text::local_time(origin.started, &context.access.machine.zone)];
        if several_hosts {
            cells.push(printable(&origin.host));
        }
        cells.extend([
            printable(&origin.source),
            level_name(origin.level).to_owned(),
            text::count(completion.totals.files),
            text::size(completion.totals.bytes),
            text::size(completion.statistics.bytes_new),
            remarks(snapshot, completion, doubtful.get(&origin.run).copied()),
        ]);
        table.row(cells);
    }
    table
}

fn printable(text: &str) -> String {
    text::printable(text.as_bytes()).into_owned()
}

fn remarks(snapshot: &Snapshot, completion: &Completion, clock: Option<ClockError>) -> String {
    let clock = clock.map(|error| format!("wrong time (clock {})", clock_name(error)));
    let damaged = completion.damage.map(|mark| match mark.files {
        // Something is wrong with the list of files itself.
        0 => "damaged".to_owned(),
        files => format!("damaged ({})", text::counted(files, "file")),
    });
    let errors = completion.errors;
    let partial = (errors > 0).then(|| format!("partial ({} missing)", text::count(errors)));
    let copy = snapshot.origin.copy_of.map(|original| format!("copy of {}", original.run.snapshot_id()));
    let tags = snapshot.origin.tags.iter().map(|(key, value)| printable(&format!("{key}={value}")));
    damaged.into_iter().chain(partial).chain(clock).chain(copy).chain(tags).collect::<Vec<_>>().join("  ")
}
