//! Decides whether an unmarked file has a content, with its properties, that it had at some moment.

use std::fs;

use super::{
    Case, bytes,
    entries::attribute_fault,
    history::{FilePast, Past},
    listing::Entry,
};
use crate::mutation::{content::Content, journal::Effect, runner::Taken};

/// Maximum number of states and writings that are shown for each object.
const SHOWN_MAX: usize = 6;

/// How bytes and properties match an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The object never had this content.
    None,
    /// It had the content, but not together with these properties.
    ContentOnly,
    All,
}

/// Returns the fault of a file that may be one of these objects.
pub(super) fn fault(case: &Case, entry: &Entry, pasts: &[&Past]) -> Option<String> {
    // If it was not restored, this has already been reported.
    let found = fs::read(case.taken.restored.join(&entry.path)).ok()?;
    let author = bytes::author(&found);
    let is_possible = |past: &&Past| found.is_empty() || author == Some(past.object);
    let possible: Vec<&Past> = pasts.iter().copied().filter(is_possible).collect();
    let (path, content) = (&entry.path, bytes::describe(&found));
    if possible.is_empty() {
        let objects: Vec<_> = pasts.iter().map(|past| past.object).collect();
        return Some(format!("{path:?} has {content}, but was never of another object than {objects:?}"));
    }
    let fits: Vec<(&Past, Fit)> =
        possible.iter().map(|past| (*past, fit(case, entry, past, &found))).collect();
    let fitting = fits.iter().filter(|(_, fit)| *fit == Fit::All).map(|(past, _)| *past);
    let fitting: Vec<&Past> = fitting.collect();
    if !fitting.is_empty() {
        return attribute_fault(case, entry, &fitting);
    }
    let existed: Vec<String> = possible.iter().map(|past| describe(case, past)).collect();
    let existed = existed.join("; ");
    if fits.iter().all(|(_, fit)| *fit == Fit::None) {
        return Some(format!("{path:?} has {content}, which it never had: {existed}"));
    }
    let properties = describe_properties(entry.mode, entry.modified);
    Some(format!("{path:?} has {content} with {properties}, which it never had together: {existed}"))
}

fn fit(case: &Case, entry: &Entry, past: &Past, found: &[u8]) -> Fit {
    let contents = &past.file.as_ref().unwrap().contents;
    let mut fit = Fit::None;
    // Most states have the content of the previous one.
    let mut last: Option<(&Content, bool)> = None;
    for state in case.window.states_of(past) {
        let content = contents.at(state);
        let is_same = match last {
            Some((known, is_same)) if known == content => is_same,
            _ => bytes::is(found, content),
        };
        last = Some((content, is_same));
        if is_same {
            let is_all = has_properties(case, entry, past, state);
            fit = fit.max(if is_all { Fit::All } else { Fit::ContentOnly });
        }
        if fit == Fit::All {
            return fit;
        }
    }
    for (index, record) in case.records_about(past) {
        let Effect::Written { before, after, .. } = &record.effect else { continue };
        if bytes::is_intermediate(found, before, after) {
            let is_all = *past.modes.at(index) == entry.mode;
            fit = fit.max(if is_all { Fit::All } else { Fit::ContentOnly });
        }
    }
    if fit != Fit::All && is_kept(case, entry, past, found) {
        let had = |state| {
            let length = contents.at(state).records * 64;
            length == entry.size && has_properties(case, entry, past, state)
        };
        fit = if case.existed(past, had) { Fit::All } else { Fit::ContentOnly };
    }
    fit
}

/// Returns whether a file had the mode and time of an entry in a state; the time does not count if it was
/// written.
fn has_properties(case: &Case, entry: &Entry, past: &Past, state: usize) -> bool {
    let mut about = case.records_about(past);
    let is_written = about.any(|(_, record)| matches!(record.effect, Effect::Written { .. }));
    let times = &past.file.as_ref().unwrap().times;
    let has_time = || is_written || Some(*times.at(state)) == entry.modified;
    *past.modes.at(state) == entry.mode && has_time()
}

/// Returns whether a backup that compares may have kept the content of an earlier snapshot, back to the last
/// full, because a later change of mode or attributes explained the time of change.
fn is_kept(case: &Case, entry: &Entry, past: &Past, found: &[u8]) -> bool {
    if is_full(case.taken) {
        return false;
    }
    let full = case.earlier.iter().rposition(is_full).unwrap_or(0);
    let is_origin = |earlier: &Taken| {
        let items = earlier.listing.as_array().into_iter().flatten();
        let looks_same = |old: &Entry| {
            old.kind == "file"
                && old.has_content()
                && (old.size, old.modified) == (entry.size, entry.modified)
        };
        // Under any name, because the records identify the object.
        let has_content =
            |old: &Entry| fs::read(earlier.restored.join(&old.path)).is_ok_and(|bytes| bytes == found);
        past.records.iter().map(|index| &case.records[*index]).any(|record| {
            let is_property = matches!(record.effect, Effect::ModeSet { .. } | Effect::AttributeSet { .. });
            is_property && record.finished > earlier.started && record.started < case.taken.finished
        }) && items.filter_map(Entry::new).any(|old| looks_same(&old) && has_content(&old))
    };
    case.earlier[full.min(case.earlier.len())..].iter().any(is_origin)
}

fn is_full(taken: &Taken) -> bool {
    taken.document["level"].as_str().unwrap_or(taken.level) == "full"
}

fn describe(case: &Case, past: &Past) -> String {
    let FilePast { contents, times } = past.file.as_ref().unwrap();
    let mut texts: Vec<String> = Vec::new();
    for state in case.window.states_of(past) {
        let properties = describe_properties(*past.modes.at(state), Some(*times.at(state)));
        let text = format!("{} with {properties}", describe_content(contents.at(state)));
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    for (_, record) in case.records_about(past) {
        if let Effect::Written { before, after, .. } = &record.effect {
            let (before, after) = (describe_content(before), describe_content(after));
            texts.push(format!("written in record {} from {before} to {after}", record.sequence));
        }
    }
    let more = texts.len().saturating_sub(SHOWN_MAX);
    texts.truncate(SHOWN_MAX);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    format!("object {}: {}", past.object, texts.join(", "))
}

fn describe_content(content: &Content) -> String {
    let Content { generation, records, layout, .. } = content;
    format!("generation {generation} of {records} records {}", layout.letter())
}

fn describe_properties(mode: u32, modified: Option<(i64, i64)>) -> String {
    let time = modified.map_or("no time".to_owned(), |(second, more)| format!("{second}.{more:09}"));
    format!("{mode:04o} {time}")
}
