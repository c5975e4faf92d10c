//! Chooses the snapshots to copy.

use std::{collections::HashSet, ffi::OsString};

use icecore_format::snapshot::Snapshot;

use super::{CopySelection, CopySink, NotCopied};
use crate::{
    error::OperationResult,
    look::{Ending, Look},
    reference,
};

/// Returns the chosen snapshots, oldest first and each once.
pub(super) fn choose<'a>(
    selection: &'a CopySelection,
    look: &'a Look,
    sink: &mut dyn CopySink,
) -> OperationResult<Vec<&'a Snapshot>> {
    match selection {
        CopySelection::All => Ok(look.list().complete(None).collect()),
        CopySelection::Source(source) => of_source(source, look, sink),
        CopySelection::Named(texts) => named(texts, look),
    }
}

fn of_source<'a>(
    source: &'a str,
    look: &'a Look,
    sink: &mut dyn CopySink,
) -> OperationResult<Vec<&'a Snapshot>> {
    let list = look.list();
    let chosen: Vec<&Snapshot> = list.complete(Some(source)).collect();
    if chosen.is_empty() {
        // The log may know others that disappeared.
        let ending = look.ending();
        sink.source_looked_at(ending);
        let error = reference::no_snapshot_of(list, source);
        return Err(NotCopied::NoSnapshot { error, is_alarmed: ending == Ending::Alarmed }.into());
    }
    Ok(chosen)
}

fn named<'a>(texts: &[OsString], look: &'a Look) -> OperationResult<Vec<&'a Snapshot>> {
    let mut chosen = HashSet::new();
    for text in texts {
        let reference = reference::read_without_path(text)?;
        let found =
            if chosen.is_empty() { look.resolve(&reference)? } else { look.resolve_other(&reference)? };
        chosen.insert(found.origin.run);
    }
    Ok(look.list().complete(None).filter(|snapshot| chosen.contains(&snapshot.origin.run)).collect())
}
