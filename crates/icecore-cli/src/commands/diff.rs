//! `diff`: shows what differs between two snapshots.

use icecore_access::AccessMode;
use icecore_format::{
    entry::{Entry, Marks},
    path,
};
use icecore_repo::{
    error::RepoError,
    manifest::{Change, ManifestCursor, differences},
};
use serde::Serialize;

use super::entries::{
    EntryDocument, MANIFEST_CACHE_BYTES, find_other_snapshot, find_snapshot, parse_reference, path_not_found,
};
use crate::{
    arguments::inspect::DiffArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::{console::ResultWriter, requests},
    watch::Look,
};
use icecore_operations::text;

/// What of an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    Kind,
    Content,
    Metadata,
}

impl Difference {
    fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Metadata => "metadata",
        }
    }
}

#[derive(Serialize)]
struct ChangeDocument<'a> {
    change: &'static str,
    what: Option<&'static str>,
    #[serde(flatten)]
    path: icecore_operations::documents::PathText,
    old: Option<&'a EntryDocument>,
    new: Option<&'a EntryDocument>,
}

/// Why the comparison ends: because it failed, or because everything that was asked for has been compared.
enum End {
    Failed(Failure),
    Behind,
}

impl From<RepoError> for End {
    fn from(error: RepoError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &DiffArguments) -> Outcome<ExitStatus> {
    let (old, new) = (parse_reference(&arguments.old)?, parse_reference(&arguments.new)?);
    if old.path != new.path {
        return Err(Failure::usage("the two references name different paths")
            .hint("compare the same PATH of two snapshots, or leave it out"));
    }
    let mut open = context.access.open(AccessMode::Read)?;
    let look = Look::begin(context, &mut open, arguments.rollback)?;
    let (old_snapshot, old_root) = find_snapshot(context, &look, &old)?;
    let (new_snapshot, new_root) = find_other_snapshot(context, &look, &new)?;
    let reader =
        open.reader(context.access.events.as_ref(), &[&old_snapshot, &new_snapshot], MANIFEST_CACHE_BYTES)?;
    let directory = &old.path;
    let exists = |root| ManifestCursor::new(&reader, root).find(directory).map(|entry| entry.is_some());
    if !directory.is_empty() && !exists(&old_root)? && !exists(&new_root)? {
        return Err(path_not_found(&old_snapshot, directory));
    }
    let mut listing = Listing {
        json: context.console.json,
        // Programs that did not number snapshots did not record flags.
        has_flags: old_snapshot.origin.sequence > 0 && new_snapshot.origin.sequence > 0,
        output: ResultWriter::new(),
        shown: 0,
        counts: [0; 3],
    };
    let (mut older, mut newer) =
        (ManifestCursor::new(&reader, &old_root), ManifestCursor::new(&reader, &new_root));
    if !directory.is_empty() {
        older.seek(directory)?;
        newer.seek(directory)?;
    }
    let end = differences(&mut older, &mut newer, |change| {
        if context.access.machine.is_cancelled() {
            return Err(Failure::interrupted().into());
        }
        // Paths rise: the first one outside is behind everything inside.
        if !path::is_within(path_of(&change), directory) {
            return Err(End::Behind);
        }
        listing.show(&change).map_err(End::from)
    });
    let [added, removed, modified] = listing.counts;
    listing.finish()?;
    requests::tell_calls(&context.console, &open.usage);
    if let Err(End::Failed(failure)) = end {
        return Err(failure);
    }
    if !context.console.json {
        let count = text::count;
        context.console.notice(&format!(
            "{} added, {} deleted, {} modified",
            count(added),
            count(removed),
            count(modified)
        ));
    }
    Ok(ExitStatus::Done)
}

fn path_of(change: &Change) -> &[u8] {
    match change {
        Change::Added(entry) | Change::Removed(entry) => &entry.path,
        Change::Modified { new, .. } => &new.path,
    }
}

/// Returns what differs as far as users care: the time of change and the inode alone are no difference.
///
/// `has_flags` says whether both snapshots recorded flags of inodes.
fn difference(old: &Entry, new: &Entry, has_flags: bool) -> Option<Difference> {
    if old.kind != new.kind {
        return Some(Difference::Kind);
    }
    let content = |entry: &Entry| (entry.size, entry.special_device);
    if content(old) != content(new)
        || old.content != new.content
        || old.holes != new.holes
        || old.target != new.target
    {
        return Some(Difference::Content);
    }
    let marks = |entry: &Entry| entry.marks.without(Marks::READ_TWICE);
    let metadata = |entry: &Entry| (entry.mode, entry.user_id, entry.group_id, entry.modified, marks(entry));
    let flags = has_flags && old.inode_flags != new.inode_flags;
    (flags || metadata(old) != metadata(new) || old.attributes != new.attributes)
        .then_some(Difference::Metadata)
}

struct Listing {
    json: bool,
    /// Both snapshots were made by programs that record flags of inodes.
    has_flags: bool,
    output: ResultWriter,
    shown: u64,
    counts: [u64; 3],
}

impl Listing {
    fn show(&mut self, change: &Change) -> Outcome<()> {
        let (number, letter, what) = match change {
            Change::Added(_) => (0, "A", None),
            Change::Removed(_) => (1, "D", None),
            Change::Modified { old, new } => match difference(old, new, self.has_flags) {
                None => return Ok(()),
                what => (2, "M", what),
            },
        };
        self.counts[number] += 1;
        self.shown += 1;
        if self.json {
            return self.show_json(change, what);
        }
        let path = path_of(change);
        self.output.text(&format!("{letter} {:<8} ", what.map_or("", Difference::name)))?;
        self.output.name(if path.is_empty() { b"." } else { path })?;
        self.output.bytes(b"\n")
    }

    fn show_json(&mut self, change: &Change, what: Option<Difference>) -> Outcome<()> {
        self.output.text(if self.shown == 1 { "[" } else { ",\n" })?;
        let document = |entry: &Entry| EntryDocument::new(entry, (None, None));
        let (change_name, old, new) = match change {
            Change::Added(entry) => ("added", None, Some(document(entry))),
            Change::Removed(entry) => ("deleted", Some(document(entry)), None),
            Change::Modified { old, new } => ("modified", Some(document(old)), Some(document(new))),
        };
        self.output.json(&ChangeDocument {
            change: change_name,
            what: what.map(Difference::name),
            path: icecore_operations::documents::PathText::new(path_of(change)),
            old: old.as_ref(),
            new: new.as_ref(),
        })
    }

    fn finish(mut self) -> Outcome<()> {
        if self.json {
            self.output.text(if self.shown == 0 { "[]\n" } else { "]\n" })?;
        }
        self.output.finish()
    }
}

#[cfg(test)]
mod tests;
