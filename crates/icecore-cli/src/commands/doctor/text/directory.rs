//! Sentences about a directory.

use icecore_operations::{
    doctor::{Explanation, facts::DirectoryFact},
    text,
};

use super::{advised, plain};
use crate::failure;

const OWNER: &str = "run as the owner of the repository, or as root";

/// Explains a fact about a directory.
pub(super) fn explain(fact: &DirectoryFact) -> Explanation {
    match fact {
        DirectoryFact::Writable => plain("files can be created, replaced and deleted"),
        DirectoryFact::Unwritable { path } => {
            no_backups(&format!("this user may not write to {}", path.display()), OWNER)
        }
        DirectoryFact::ReadOnly { location } => no_backups(
            &format!("the file system of {location} is read-only"),
            "mount it with read and write access: `mount -o remount,rw`",
        ),
        DirectoryFact::NoSpace { location, reason } => no_backups(
            &format!("no space left in {location}: {}", failure::plain(reason)),
            "free some space there",
        ),
        DirectoryFact::AccessDenied { location, reason } => {
            no_backups(&format!("this user may not write to {location}: {}", failure::plain(reason)), OWNER)
        }
        DirectoryFact::FewFiles { files } => advised(
            format!("only {} can be created", text::counted(*files, "more file")),
            "remove files there; more space alone does not help",
        ),
        DirectoryFact::LittleRoom { bytes } => {
            advised(format!("only {} left", text::size(*bytes)), "free some space before a backup needs it")
        }
        DirectoryFact::Room { bytes } => plain(format!("{} left", text::size(*bytes))),
    }
}

/// Explains why nothing can be written.
fn no_backups(reason: &str, hint: &str) -> Explanation {
    advised(format!("{reason}; restores are possible, backups are not"), hint)
}
