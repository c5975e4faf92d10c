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
                None if document.in_use => "in use: unlocked the repository for this command".to_owned(),
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
        let give = if change.is_found { "" } else { "use it with --key-file, and " };
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
        format!(
            "{path} now contains the new key; the old key file is kept as {kept}, but no longer unlocks the repository"
        )
    } else {
        format!("the old key file {path} was renamed to {kept}; it no longer unlocks the repository")
    }
}

/// Writes notices to the console.
pub(super) struct Notices<'a> {
    pub(super) console: &'a Console,
}

impl Notices<'_> {
    fn warn_of_old(&self, what: &str, users: &str, instead: Option<&Path>) {
        let must_give = match instead {
            Some(path) => format!("must use {} instead", path.display()),
            None => "must use the new key or password instead".to_owned(),
        };
        self.console.warning(&format!(
            "{what} no longer unlocks the repository; {users} {must_give}, otherwise they fail with exit code 12"
        ));
    }
}

impl KeyEvents for Notices<'_> {
    fn notice(&self, notice: &KeyNotice<'_>) {
        match *notice {
            KeyNotice::OwnSlotRemoved => self.console.warning(
                "you removed the slot of the key that this command used: that key no longer unlocks the repository",
            ),
            KeyNotice::KeyFileUseless { path, origin, instead } => self.warn_of_old(
                &format!("the key file {}", path.display()),
                &format!("commands that get it {origin}"),
                instead,
            ),
            KeyNotice::PasswordUseless { origin, instead } => self.warn_of_old(
                "the old password",
                &format!("commands that get it {origin}"),
                instead,
            ),
            KeyNotice::NoFileToFind => self.console.notice(
                "from now on, commands without a key or password option use AWS KMS or ask for the new password",
            ),
            KeyNotice::DefaultUseless { path } => self.console.warning(&format!(
                "the default key file {} no longer unlocks the repository: replace it with a valid key file, or rename it",
                path.display()
            )),
        }
    }
}
