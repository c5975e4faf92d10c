//! The listing of `ls`, as text or JSON.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use icecore_access::Usage;
use icecore_format::entry::{Entry, EntryKind};
use icecore_operations::{
    entries::flag_names,
    ls::{ListedEntry, LsSink},
    text,
};
use jiff::tz::TimeZone;

use crate::surface::{
    console::{Console, ResultWriter},
    json_array::JsonArray,
    requests,
};

/// Writes entries one after the other.
pub(super) struct Listing<'a> {
    console: &'a Console,
    zone: &'a TimeZone,
    long: bool,
    output: ResultWriter,
    array: JsonArray,
    line: String,
}

impl<'a> Listing<'a> {
    /// Begins with nothing.
    pub(super) fn new(console: &'a Console, zone: &'a TimeZone, long: bool) -> Self {
        Self {
            console,
            zone,
            long,
            output: ResultWriter::new(),
            array: JsonArray::default(),
            line: String::new(),
        }
    }
}

impl LsSink for Listing<'_> {
    fn entry(&mut self, listed: &ListedEntry<'_, '_>) -> io::Result<()> {
        if self.console.json {
            return self.array.item(&mut self.output, &listed.document());
        }
        let entry = listed.entry;
        if self.long {
            write_columns(&mut self.line, entry, listed.owner_names(), self.zone);
            self.output.text(&self.line)?;
        }
        // A source that is a single object has an empty path.
        self.output.name(if entry.path.is_empty() { b"." } else { &entry.path })?;
        if self.long && entry.kind == EntryKind::Symlink {
            self.output.text(" -> ")?;
            self.output.name(&entry.target)?;
        }
        if self.long && entry.inode_flags != 0 {
            self.output.text(&format!("  ({})", flag_names(entry.inode_flags).join(", ")))?;
        }
        self.output.bytes(b"\n")
    }

    fn end(&mut self, usage: &Usage) -> io::Result<()> {
        // Entries before a failure are shown, and a JSON document is completed.
        if self.console.json {
            self.array.end(&mut self.output)?;
            self.output.text("\n")?;
        }
        self.output.flush()?;
        requests::tell_calls(self.console, usage);
        Ok(())
    }
}

/// Returns kind and permissions as in `ls -l`.
fn mode_text(kind: EntryKind, mode: u32) -> String {
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
    // Setuid, setgid and sticky replace the execute bits.
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

/// Writes the columns before the name in a long listing into `line`, which is reused.
fn write_columns(line: &mut String, entry: &Entry, names: (Option<&[u8]>, Option<&[u8]>), zone: &TimeZone) {
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

#[cfg(test)]
mod tests;
