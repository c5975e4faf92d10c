//! Messages of `key`.

use std::{fmt::Write, path::Path};

use icecore_format::entry::Time;
use icecore_operations::{
    key::{ChangedKeys, KeyEvents, KeyList, KeyNotice, MovedFile},
    text,
};
use jiff::tz::TimeZone;

use crate::surface::{
    console::Console,
    table::{Align, Table},
};

/// Digits of a slot's id in tables.
const ID_DIGITS_SHOWN: usize = 12;

/// Returns the table of the key slots.
pub(super) fn table(list: &KeyList, zone: &TimeZone) -> Table {
    let columns = ["id", "kind", "created", "label", ""].map(|title| (title, Align::Left));
    let mut table = Table::new(&columns);
    for (document, slot) in list.documents().into_iter().zip(&list.slots) {
        let created = slot.info.as_ref().map_or_else(
            |_| String::new(),
            |info| text::local_time(Time { seconds: info.created_seconds, nanoseconds: 0 }, zone),
        );
        table.row(vec![
            document.id.chars().take(ID_DIGITS_SHOWN).collect(),
            document.kind.unwrap_or("?").to_owned(),
            created,
            text::printable(document.label.unwrap_or_default().as_bytes()).into_owned(),
            match document.damage {
                Some(damage) => format!("damaged: {damage}"),
                None if document.in_use => "in use: opened the repository now".to_owned(),
                None => String::new(),
            },
        ]);
    }
    table
}

/// Returns the changes, one on each line.
pub(super) fn changed(change: &ChangedKeys) -> String {
    let mut lines = String::new();
    // Writing to a string does not fail.
    if let Some(id) = &change.added {
        let _ = writeln!(lines, "added the key slot {id}");
    }
    if let Some(path) = &change.key_file {
        let give = if change.is_found { "" } else { "give it with --key-file, and " };
        let _ = writeln!(lines, "its key file is {}; {give}keep a copy elsewhere", path.display());
    }
    for file in &change.moved {
        let _ = writeln!(lines, "{}", moved(file));
    }
    for id in &change.removed {
        let _ = writeln!(lines, "removed the key slot {id}");
    }
    lines
}

fn moved(file: &MovedFile) -> String {
    let (path, kept) = (file.path.display(), file.kept.display());
    if file.holds_new_key {
        format!("{path} holds the new key now; the old key file is kept as {kept} and opens nothing any more")
    } else {
        format!("the old key file {path} was renamed to {kept}; it opens nothing any more")
    }
}

/// Writes notices to the console.
pub(super) struct Notices<'a> {
    pub(super) console: &'a Console,
}

impl Notices<'_> {
    fn warn_of_old(&self, what: &str, whatever: &str, instead: Option<&Path>) {
        let must_give = match instead {
            Some(path) => format!("must name {}", path.display()),
            None => "must give the new key".to_owned(),
        };
        self.console.warning(&format!(
            "{what} opens nothing any more; {whatever} {must_give}, or it fails with code 12"
        ));
    }
}

impl KeyEvents for Notices<'_> {
    fn notice(&self, notice: &KeyNotice<'_>) {
        match *notice {
            KeyNotice::OwnSlotRemoved => self.console.warning(
                "this was the slot of the key that this command was given: that key opens nothing any more",
            ),
            KeyNotice::KeyFileUseless { path, origin, instead } => self.warn_of_old(
                &format!("the key file {}", path.display()),
                &format!("whatever names it as you did ({origin})"),
                instead,
            ),
            KeyNotice::PasswordUseless { origin, instead } => self.warn_of_old(
                "the old password",
                &format!("whatever gives it as you did ({origin})"),
                instead,
            ),
            KeyNotice::NoFileToFind => self.console.notice(
                "commands that are given no key or password ask for the new one, or use AWS KMS, from now on",
            ),
            KeyNotice::DefaultUseless { path } => self.console.warning(&format!(
                "{}, which commands use if no key is given, opens nothing any more: put a key file that opens there, or \
                 rename it",
                path.display()
            )),
        }
    }
}
