//! Shows notices of all parts of a command on the console, and asks their questions.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use icecore_access::{AccessEvents, AccessNotice, Prompt};
use icecore_catalog::CatalogError;
use icecore_operations::text;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use crate::{
    failure::{advice::kms, reason},
    process::limits,
    surface::console::Console,
};

pub(crate) mod witness;

/// Receiver of notices, and of questions for passwords.
#[derive(Debug)]
pub(crate) struct Reporter {
    console: Arc<Console>,
    /// Time zone in which times are shown.
    zone: TimeZone,
}

impl Reporter {
    /// Makes the reporter of a command.
    pub(crate) fn new(console: Arc<Console>, zone: TimeZone) -> Self {
        Self { console, zone }
    }
}

impl Prompt for Reporter {
    fn can_ask(&self) -> bool {
        io::stdin().is_terminal() || io::stderr().is_terminal()
    }

    fn password(&self, prompt: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        rpassword::prompt_password(prompt).map(|password| Zeroizing::new(password.into_bytes()))
    }
}

impl AccessEvents for Reporter {
    fn notice(&self, notice: AccessNotice<'_>) {
        let console = &self.console;
        match notice {
            AccessNotice::SingleWriter => console.warning(
                "this repository supports one writer at a time: run no other command that writes to it at the same time",
            ),
            AccessNotice::NoCacheDirectory => {
                console.warning("no home directory found for the cache; choose a directory with --cache-dir");
            }
            AccessNotice::CatalogRebuilt { reason } => {
                console.notice(&format!("rebuilding the catalogue: {reason}"));
            }
            AccessNotice::CatalogUnusable { error } => {
                let why = reason(error);
                let limit = if limits::is_file_size_limited() {
                    " (a limit on the size of files, `ulimit -f`, may be the reason)"
                } else {
                    ""
                };
                let advice = match error {
                    CatalogError::NetworkFileSystem { .. } => "; choose a directory on a local disk with --cache-dir",
                    CatalogError::NotAFile { .. } => "; remove it, or choose another directory with --cache-dir",
                    _ => "",
                };
                console.warning(&format!(
                    "{why}{limit}; continuing without the catalogue, which takes longer{advice}"
                ));
            }
            AccessNotice::CacheTrimmed { bytes_max, catalogues, bytes } => console.notice(&format!(
                "removed {} ({}) of repositories that were not used recently: the cache was larger than {} (cache-size)",
                text::counted(catalogues, "catalogue"),
                text::size(bytes),
                text::size(bytes_max)
            )),
            AccessNotice::DamagedSnapshot { error } => {
                console.warning(&format!("a snapshot cannot be read: {}", reason(error)));
            }
            AccessNotice::DamagedPackDirectory { error } => {
                console.warning(&format!("a pack directory cannot be read: {}", reason(error)));
            }
            AccessNotice::PublicSecret { kind, path } => {
                let path = path.display();
                console.warning(&format!(
                    "all users of this machine can read the {kind} {path}; run `chmod 600 {path}`"
                ));
            }
            AccessNotice::WrongPassword => console.warning("this password does not unlock the repository"),
            AccessNotice::PasswordsDiffer => console.notice("the passwords do not match"),
            AccessNotice::OnlyKmsKeys => console
                .warning(&format!("only a key of AWS KMS unlocks this repository: {}", kms::RECOVERY)),
            AccessNotice::SnapshotNotHeld { run, error } => console.warning(&format!(
                "snapshot {} cannot be held while it is read: {}; if somebody forgets it, its data may be removed before the end",
                run.snapshot_id(),
                reason(error)
            )),
            AccessNotice::SnapshotForgotten { run } => {
                let id = run.snapshot_id();
                console.warning(&format!(
                    "snapshot {id} was forgotten while it is being read, and its data may be removed before the end; `icecore forget --undo {id}` keeps it"
                ));
            }
            AccessNotice::UploadsRemoved { uploads } => console
                .notice(&format!("removed {} of earlier runs", text::counted(uploads, "unfinished upload"))),
        }
    }
}
