//! Reports what must be thawed, and how.

use icecore_operations::{archived::ArchivedDocument, text};

use crate::surface::console::Console;

/// Maximum number of packs that are shown with their commands.
const PACKS_SHOWN_MAX: usize = 10;

/// Shows archived packs, how to thaw them, and what to do then; `objects` names what is waiting for them.
pub(crate) fn show_archived(console: &Console, objects: &str, packs: &[ArchivedDocument]) {
    if packs.is_empty() {
        return;
    }
    let number = text::counted(packs.len() as u64, "archived pack");
    console.error_line(&format!("error: {objects} waiting for {number}; to thaw them, run"));
    for pack in packs.iter().take(PACKS_SHOWN_MAX) {
        let line = pack.thaw_command.as_ref().unwrap_or(&pack.key);
        console.error_line(&format!("  {line}"));
    }
    let more = packs.len().saturating_sub(PACKS_SHOWN_MAX);
    if more > 0 {
        let more = text::count(more as u64);
        console.error_line(&format!("  … and {more} more: --json lists all under archived_packs"));
    }
    console.error_line(
        "hint: thawing takes up to 5 hours for GLACIER and 12 hours for DEEP_ARCHIVE (12 and 48 hours with \"Bulk\", which \
         is cheaper); then run the same command again",
    );
}
