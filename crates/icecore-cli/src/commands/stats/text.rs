//! The text of `stats`.

use icecore_operations::{
    stats::{HolderUse, ObjectClass, SelectionUse, SnapshotUse, StatsReport},
    text,
};
use icecore_prune::PackSums;
use jiff::tz::TimeZone;

use crate::surface::table::{Align, Table};

/// How the text is written.
pub(super) struct StatsText<'a> {
    /// Whether only some snapshots were selected.
    pub(super) is_filtered: bool,
    /// Whether to show what each month added.
    pub(super) growth: bool,
    /// Time zone.
    pub(super) zone: &'a TimeZone,
}

impl StatsText<'_> {
    /// Returns the text of a report: several tables and lines, with an empty line between them.
    pub(super) fn report(&self, report: &StatsReport) -> String {
        let mut parts = Vec::new();
        if !self.is_filtered {
            parts.push(objects(report).text());
        }
        if report.selected.snapshots > 0 {
            parts.push(self.ratios(report));
            // The table of a single host would repeat the lines of its sources.
            let is_one_host = report.by_host.len() == 1;
            if !is_one_host {
                parts.push(holders(&report.by_host, false).text());
            }
            parts.push(holders(&report.by_source, !is_one_host).text());
        }
        if let Some(list) = report.by_snapshot.as_ref().filter(|list| !list.is_empty()) {
            parts.push(self.snapshots(list, report.by_host.len() > 1).text());
        }
        if self.growth && !report.by_month.is_empty() {
            parts.push(months(report).text());
        }
        parts.join("\n")
    }

    fn ratios(&self, report: &StatsReport) -> String {
        let (selected, content) = (&report.selected, &report.content);
        let mut table = Table::new(&[("content", Align::Left), ("size", Align::Right), ("", Align::Left)]);
        let snapshots = text::counted(selected.snapshots, "snapshot");
        table.row(vec![format!("files of {snapshots}"), text::size(selected.bytes), String::new()]);
        let mut line = |name: &str, bytes, what: &str, ratio: Option<f64>| {
            let ratio = ratio.map(|ratio| format!("{what} {ratio:.2}")).unwrap_or_default();
            table.row(vec![name.to_owned(), text::size(bytes), ratio]);
        };
        line("each chunk once", content.plain_bytes, "deduplication", report.deduplication_ratio());
        line("compressed", content.stored_bytes, "compression", report.compression_ratio());
        let mut lines = table.text();
        let mut add = |line: String| {
            lines.push_str(&line);
            lines.push('\n');
        };
        if self.is_filtered {
            add(format!(
                "forgetting {snapshots} would free {}; data that nothing else refers to: {}",
                packs_of(selected.freed),
                text::size(selected.alone.stored_bytes()),
            ));
            return lines;
        }
        let unused = &report.unused;
        if unused.packs.packs > 0 {
            add(format!(
                "not needed by any snapshot: {}; `icecore prune` removes them",
                packs_of(unused.packs)
            ));
        }
        if unused.in_progress.packs > 0 {
            add(format!("written by runs in progress: {}", packs_of(unused.in_progress)));
        }
        let inside = unused.in_needed_packs.stored_bytes();
        if inside > 0 {
            let inside = text::size(inside);
            add(format!(
                "unused data in packs that are needed: {inside}; `icecore prune` repacks the worst of them"
            ));
        }
        lines
    }

    fn snapshots(&self, list: &[SnapshotUse], has_hosts: bool) -> Table {
        let mut columns = vec![("id", Align::Left), ("time", Align::Left)];
        if has_hosts {
            columns.push(("host", Align::Left));
        }
        columns.extend([("source", Align::Left), ("size", Align::Right)]);
        columns.extend(HELD);
        let mut table = Table::new(&columns);
        for SnapshotUse { snapshot, held } in list {
            let origin = &snapshot.origin;
            let mut cells = vec![origin.run.snapshot_id(), text::local_time(origin.started, self.zone)];
            if has_hosts {
                cells.push(printable(&origin.host));
            }
            cells.extend([printable(&origin.source), text::size(held.bytes)]);
            cells.extend(held_cells(held));
            table.row(cells);
        }
        table
    }
}

/// Columns of what is held.
const HELD: [(&str, Align); 3] = [("alone", Align::Right), ("freed", Align::Right), ("shared", Align::Right)];

fn held_cells(held: &SelectionUse) -> [String; 3] {
    [held.alone.stored_bytes(), held.freed.bytes, held.bytes_shared()].map(text::size)
}

fn objects(report: &StatsReport) -> Table {
    let columns = [("objects", Align::Left), ("number", Align::Right), ("size", Align::Right)];
    let mut table = Table::new(&columns);
    for sums in &report.objects {
        let name = class_name(sums.class).to_owned();
        table.row(vec![name, text::count(sums.objects), text::size(sums.bytes)]);
    }
    let objects = report.objects.iter().map(|sums| sums.objects).sum();
    let bytes = report.objects.iter().map(|sums| sums.bytes).sum();
    table.row(vec!["all".to_owned(), text::count(objects), text::size(bytes)]);
    table
}

/// Returns the table of sources or hosts.
fn holders(holders: &[HolderUse], has_hosts: bool) -> Table {
    let has_sources = holders.iter().any(|holder| holder.source.is_some());
    let mut columns = Vec::new();
    if has_hosts || !has_sources {
        columns.push(("host", Align::Left));
    }
    if has_sources {
        columns.push(("source", Align::Left));
    }
    columns.extend([("snapshots", Align::Right), ("newest", Align::Right)]);
    columns.extend(HELD);
    let mut table = Table::new(&columns);
    for holder in holders {
        let mut cells = Vec::new();
        if has_hosts || !has_sources {
            cells.push(printable(&holder.host));
        }
        cells.extend(holder.source.as_deref().map(printable));
        cells.extend([text::count(holder.held.snapshots), text::size(holder.bytes_newest)]);
        cells.extend(held_cells(&holder.held));
        table.row(cells);
    }
    table
}

fn months(report: &StatsReport) -> Table {
    let columns = [
        ("month", Align::Left),
        ("snapshots", Align::Right),
        ("new", Align::Right),
        ("uploaded", Align::Right),
        ("still stored", Align::Right),
    ];
    let mut table = Table::new(&columns);
    for growth in &report.by_month {
        table.row(vec![
            growth.month.clone(),
            text::count(growth.snapshots),
            text::size(growth.bytes_new),
            text::size(growth.bytes_uploaded),
            text::size(growth.packs.bytes),
        ]);
    }
    table
}

fn packs_of(packs: PackSums) -> String {
    format!("{} ({})", text::counted(packs.packs, "pack"), text::size(packs.bytes))
}

fn printable(name: &str) -> String {
    text::printable(name.as_bytes()).into_owned()
}

fn class_name(class: ObjectClass) -> &'static str {
    match class {
        ObjectClass::DataPacks => "packs with file contents",
        ObjectClass::ManifestPacks => "packs with manifests",
        ObjectClass::Directories => "pack directories",
        ObjectClass::Index => "index",
        ObjectClass::Snapshots => "snapshots",
        ObjectClass::Log => "log",
        ObjectClass::Collections => "collections",
        ObjectClass::Keys => "keys",
        ObjectClass::Quarantine => "quarantine",
        ObjectClass::Header => "header",
        ObjectClass::Other => "other",
    }
}
