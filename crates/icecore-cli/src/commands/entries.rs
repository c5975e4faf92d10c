//! Entries of manifests as text and JSON, and finding the one that a reference means.

use std::fmt::Write;

use icecore_format::{
    entry::{Entry, EntryKind, Marks},
    snapshot::Snapshot,
};
use icecore_fs::flags;
use icecore_repo::manifest::ManifestRoot;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::console::Console,
    watch::Look,
};
use icecore_operations::{
    documents::{PathText, base64_unless_text},
    reference::{self, Reference},
    text,
};

/// Opened blocks of manifests that are kept, in bytes.
pub(crate) const MANIFEST_CACHE_BYTES: usize = 32 << 20;

/// Reads a reference of the command line.
pub(crate) fn parse_reference(words: &std::ffi::OsStr) -> Outcome<Reference> {
    reference::parse(words).map_err(|error| wrong_reference(words, &error))
}

/// Makes the failure of a reference that is not understood.
pub(crate) fn wrong_reference(words: &std::ffi::OsStr, error: &reference::ReferenceError) -> Failure {
    Failure::usage(format!("{:?} is no reference: {error}", words.to_string_lossy()))
        .hint("write [SOURCE@]SNAPSHOT[:PATH], for example latest, home@latest~1 or 3f9a2c:dir/file")
}

/// Finds the snapshot that a reference means, and where its manifest begins.
pub(crate) fn find_snapshot(
    context: &Context,
    look: &Look,
    reference: &Reference,
) -> Outcome<(Snapshot, ManifestRoot)> {
    root_of(look.resolve(context, reference)?)
}

/// Finds one more snapshot, after [`find_snapshot`] has warned of what disappeared.
pub(crate) fn find_other_snapshot(
    context: &Context,
    look: &Look,
    reference: &Reference,
) -> Outcome<(Snapshot, ManifestRoot)> {
    root_of(resolve_other(context, look, reference)?)
}

/// Returns one more snapshot, after [`Look::resolve`] has warned of what disappeared.
pub(crate) fn resolve_other<'a>(
    context: &Context,
    look: &'a Look,
    reference: &Reference,
) -> Outcome<&'a Snapshot> {
    look.require_certainty(context, reference)?;
    Ok(reference::resolve(
        look.list(),
        reference,
        &context.access.machine.host,
        &context.access.machine.zone,
    )?)
}

fn root_of(snapshot: &Snapshot) -> Outcome<(Snapshot, ManifestRoot)> {
    let Some(root) = ManifestRoot::of(snapshot) else {
        let id = snapshot.origin.run.snapshot_id();
        return Err(Failure::new(ExitStatus::Failed, format!("the snapshot {id} is not complete")));
    };
    Ok((snapshot.clone(), root))
}

/// Makes the failure of a path that a snapshot does not have.
pub(crate) fn path_not_found(snapshot: &Snapshot, path: &[u8]) -> Failure {
    let id = snapshot.origin.run.snapshot_id();
    let root = text::printable(&snapshot.origin.root).into_owned();
    let failure =
        Failure::new(ExitStatus::Failed, format!("the snapshot {id} has no {}", text::quoted(path)));
    match below_root(&snapshot.origin.root, path) {
        Some(rest) => {
            let reference = [id.as_bytes(), b":", rest].concat();
            let reference = text::shell_word(&reference);
            failure.hint(format!("paths are relative to the source's root, {root}: write {reference}"))
        }
        None => failure.hint(format!(
            "paths are relative to the source's root, {root}; `icecore ls {id}` shows what there is"
        )),
    }
}

/// Returns what is behind the source's root in a path of the host, which has lost the slash at its beginning.
fn below_root<'a>(root: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let root = root.strip_prefix(b"/").filter(|root| !root.is_empty())?;
    let rest = path.strip_prefix(root)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
}

/// Returns the word for a kind.
pub(crate) fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Fifo => "fifo",
        EntryKind::Socket => "socket",
        EntryKind::CharacterDevice => "character-device",
        EntryKind::BlockDevice => "block-device",
    }
}

/// An entry as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct EntryDocument {
    #[serde(flatten)]
    path: PathText,
    kind: &'static str,
    mode: String,
    user_id: u32,
    group_id: u32,
    user: Option<String>,
    group: Option<String>,
    size: u64,
    modified: Option<String>,
    inode: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<[u32; 2]>,
    hard_link: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<&'static str>,
}

impl EntryDocument {
    /// Makes the document of an entry with the names of its owner, where they are known.
    pub(crate) fn new(entry: &Entry, (user, group): (Option<&[u8]>, Option<&[u8]>)) -> Self {
        let lossy = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let is_link = entry.kind == EntryKind::Symlink;
        let is_device = matches!(entry.kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        Self {
            path: PathText::new(&entry.path),
            kind: kind_name(entry.kind),
            mode: format!("{:04o}", entry.mode),
            user_id: entry.user_id,
            group_id: entry.group_id,
            user: user.map(lossy),
            group: group.map(lossy),
            size: entry.size,
            modified: text::utc_time(entry.modified),
            inode: entry.inode,
            target: is_link.then(|| lossy(&entry.target)),
            target_base64: is_link.then(|| base64_unless_text(&entry.target)).flatten(),
            device: is_device.then_some([(entry.special_device >> 32) as u32, entry.special_device as u32]),
            hard_link: entry.link_device.is_some(),
            flags: flag_names(entry.inode_flags),
            marks: mark_names(entry.marks),
        }
    }
}

/// Returns the names of flags as `chattr` sets them.
pub(crate) fn flag_names(inode_flags: u32) -> Vec<&'static str> {
    let names = [
        (flags::IMMUTABLE, "immutable"),
        (flags::APPEND_ONLY, "append-only"),
        (flags::NO_DUMP, "no-dump"),
        (flags::COMPRESSED, "compressed"),
    ];
    names.into_iter().filter(|(flag, _)| inode_flags & flag != 0).map(|(_, name)| name).collect()
}

fn mark_names(marks: Marks) -> Vec<&'static str> {
    let names = [
        (Marks::CHANGED_WHILE_READ, "changed-while-read"),
        (Marks::UNREADABLE, "unreadable"),
        (Marks::ATTRIBUTES_INCOMPLETE, "attributes-incomplete"),
    ];
    names.into_iter().filter(|(mark, _)| marks.contains(*mark)).map(|(_, name)| name).collect()
}

/// Returns kind and permissions as `ls -l` shows them.
pub(crate) fn mode_text(kind: EntryKind, mode: u32) -> String {
    let letter = match kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Fifo => 'p',
        EntryKind::Socket => 's',
        EntryKind::CharacterDevice => 'c',
        EntryKind::BlockDevice => 'b',
    };
    let mut text = String::with_capacity(10);
    text.push(letter);
    // Setuid, setgid and sticky stand in the place of the execute bits.
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')]
    {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => set,
            (true, false) => unset,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Writes everything that stands before the name in a long listing into `line`, which is used again and again.
pub(crate) fn write_columns(
    line: &mut String,
    entry: &Entry,
    names: (Option<&[u8]>, Option<&[u8]>),
    zone: &TimeZone,
) {
    let owner = |name: Option<&[u8]>, id: u32| match name {
        Some(name) => text::printable(name).into_owned(),
        None => id.to_string(),
    };
    let (user, group) = (owner(names.0, entry.user_id), owner(names.1, entry.group_id));
    let size = match entry.kind {
        EntryKind::CharacterDevice | EntryKind::BlockDevice => {
            format!("{}, {}", entry.special_device >> 32, entry.special_device as u32)
        }
        _ => entry.size.to_string(),
    };
    let time = text::local_time(entry.modified, zone);
    line.clear();
    // Writing to a string does not fail.
    let _ = write!(line, "{} {user:<8} {group:<8} {size:>12} {time} ", mode_text(entry.kind, entry.mode));
}

/// Tells of entries that are not what they were in the source.
pub(crate) fn warn_of_marks(console: &Console, entry: &Entry) {
    let path = text::quoted(&entry.path);
    if entry.marks.contains(Marks::CHANGED_WHILE_READ) {
        console
            .warning(&format!("{path} changed while it was backed up: its content may mix several states"));
    }
}

#[cfg(test)]
mod tests;
