//! Information about a new repository that the user needs.

use std::io;

use icecore_operations::init::CreatedDocument;

use crate::{
    failure::advice::kms,
    surface::console::{Console, ResultWriter},
};

/// Reports at once that another operation created a repository.
pub(crate) fn announce(document: &CreatedDocument, console: &Console) -> io::Result<()> {
    if console.json {
        // If something fails from here on, the document is never written.
        console.notice(created(document).trim_end());
        return Ok(());
    }
    // Even with --quiet: a user who misses this may lose the backups.
    ResultWriter::try_print(&created(document))
}

/// Returns the information that the user needs, in sentences.
pub(super) fn created(document: &CreatedDocument) -> String {
    let CreatedDocument { repository, location, credential, key_file, key_file_generated } = document;
    let created = format!("created the repository {repository} at {location}\n");
    match key_file {
        Some(path) if *key_file_generated => format!(
            "{created}its key file is {path}\n\
             KEEP A COPY OF THIS KEY FILE on another machine or on paper: without it nobody can read the backups, \
             and nobody can create a new key\n"
        ),
        Some(path) => format!("{created}the key file {path} unlocks it; keep a copy elsewhere\n"),
        None if *credential == "kms" => {
            format!("{created}its only key is a key of AWS KMS: {}\n", kms::RECOVERY)
        }
        None => format!("{created}keep the password safe: without it nobody can read the backups\n"),
    }
}
