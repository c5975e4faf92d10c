//! The content of a snapshot according to `ls`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Object, Tree};

pub(super) const CHANGED: &str = "changed-while-read";
pub(super) const UNREADABLE: &str = "unreadable";
pub(super) const NAME_ONLY: &str = "name-only";
pub(super) const ATTRIBUTES_INCOMPLETE: &str = "attributes-incomplete";
/// Mark of a file with a time in the future that was read again; nothing is missing.
const READ_TWICE: &str = "read-twice";

/// An entry of a listing.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) modified: Option<(i64, i64)>,
    pub(super) inode: u64,
    pub(super) is_linked: bool,
    pub(super) target: Option<String>,
    /// Only marks that report a problem.
    pub(super) marks: Vec<String>,
}

impl Entry {
    pub(super) fn new(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let marks = value["marks"].as_array().into_iter().flatten();
        let marks = marks.map(|mark| mark.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        Some(Self {
            path: text("path")?,
            kind: text("kind")?,
            mode: u32::from_str_radix(value["mode"].as_str()?, 8).ok()?,
            size: value["size"].as_u64()?,
            modified: value["modified"].as_str().and_then(time),
            inode: value["inode"].as_u64()?,
            is_linked: value["hard_link"].as_bool()?,
            target: text("target"),
            marks: marks.into_iter().filter(|mark| mark != READ_TWICE).collect(),
        })
    }

    pub(super) fn is_marked(&self, mark: &str) -> bool {
        self.marks.iter().any(|own| own == mark)
    }

    /// Returns whether no mark says that content or names may be missing or mixed.
    pub(super) fn has_content(&self) -> bool {
        ![CHANGED, UNREADABLE, NAME_ONLY].iter().any(|mark| self.is_marked(mark))
    }

    /// Returns whether a restore may leave it out.
    fn may_be_missing(&self) -> bool {
        self.is_marked(NAME_ONLY) || self.kind == "file" && self.is_marked(UNREADABLE)
    }
}

fn time(text: &str) -> Option<(i64, i64)> {
    let nanoseconds = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    let second = 1_000_000_000;
    Some((nanoseconds.div_euclid(second) as i64, nanoseconds.rem_euclid(second) as i64))
}

/// All entries by their path.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) entries: BTreeMap<String, Entry>,
}

impl Listing {
    /// Reads the document; also returns impossible entries.
    pub(super) fn new(document: &Value) -> (Self, Vec<String>) {
        let (mut entries, mut faults) = (BTreeMap::new(), Vec::new());
        let Some(items) = document.as_array() else {
            return (Self { entries }, vec!["the listing is no list".to_owned()]);
        };
        for item in items {
            match Entry::new(item) {
                None => faults.push(format!("an entry of the listing cannot be understood: {item}")),
                Some(entry) => {
                    if let Some(other) = entries.insert(entry.path.clone(), entry) {
                        faults.push(format!("{:?} has two entries", other.path));
                    }
                }
            }
        }
        for path in entries.keys() {
            let Some((above, _)) = path.rsplit_once('/') else { continue };
            match entries.get(above) {
                None => faults.push(format!("{path:?} has no entry for the directory above it")),
                Some(Entry { kind, .. }) if kind == "directory" => {}
                Some(Entry { kind, .. }) => faults.push(format!("{path:?} is below a {kind}")),
            }
        }
        (Self { entries }, faults)
    }

    /// Returns the differences between the restored tree and the listing.
    pub(super) fn differences_from(&self, tree: &Tree) -> Vec<String> {
        let mut faults = Vec::new();
        for (path, entry) in &self.entries {
            match tree.get(path.as_bytes()) {
                _ if entry.may_be_missing() => {}
                None => faults.push(format!("{path:?} is listed, but was not restored")),
                Some(object) => faults.extend(difference(entry, object)),
            }
        }
        let paths = tree.keys().map(|path| String::from_utf8_lossy(path));
        let more = paths.filter(|path| !path.is_empty() && !self.entries.contains_key(path.as_ref()));
        faults.extend(more.map(|path| format!("{path:?} was restored, but is not listed")));
        faults
    }
}

fn difference(entry: &Entry, object: &Object) -> Option<String> {
    let listed = (entry.kind.as_str(), format!("{:04o}", entry.mode));
    let restored = (kind(object.mode), format!("{:04o}", object.mode & 0o7777));
    if listed != restored {
        return Some(format!("{:?} is listed as {listed:?}, and restored as {restored:?}", entry.path));
    }
    match restored.0 {
        "file" if entry.size != object.size => {
            let (path, listed, restored) = (&entry.path, entry.size, object.size);
            Some(format!("{path:?} is listed with {listed} bytes, and restored with {restored}"))
        }
        "symlink" if entry.target.as_deref().map(str::as_bytes) != Some(&object.content) => {
            let (path, listed) = (&entry.path, &entry.target);
            let restored = String::from_utf8_lossy(&object.content);
            Some(format!("{path:?} is listed with the target {listed:?}, and restored with {restored:?}"))
        }
        _ => None,
    }
}

fn kind(mode: u32) -> &'static str {
    match mode & 0o170_000 {
        0o040_000 => "directory",
        0o100_000 => "file",
        0o120_000 => "symlink",
        0o010_000 => "fifo",
        _ => "something else",
    }
}
