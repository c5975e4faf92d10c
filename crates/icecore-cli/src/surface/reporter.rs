//! Shows notices of all parts of a command on the console, and asks their questions.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use icecore_access::{AccessEvents, AccessNotice, Prompt};
use icecore_operations::text;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use crate::{
    failure::{advice::kms, reason},
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
                "this repository was made for one writer at a time: nothing else may write to it while this command runs",
            ),
            AccessNotice::NoCacheDirectory => {
                console.warning("there is no home directory for the cache; give one with --cache-dir");
            }
            AccessNotice::CatalogRebuilt { reason } => {
                console.notice(&format!("the catalogue is built anew: {reason}"));
            }
            AccessNotice::CatalogUnusable { error } => {
                let why = reason(error);
                console.warning(&format!("{why}; this run goes on without it, which takes longer"));
            }
            AccessNotice::CacheTrimmed { bytes_max, catalogues, bytes } => console.notice(&format!(
                "the cache was larger than {} (cache-size): {} of repositories that were not used for long removed, {}",
                text::size(bytes_max),
                text::counted(catalogues, "catalogue"),
                text::size(bytes)
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
                    "everybody on this machine may read the {kind} {path}; `chmod 600 {path}` ends that"
                ));
            }
            AccessNotice::WrongPassword => console.warning("this password does not open the repository"),
            AccessNotice::PasswordsDiffer => console.notice("the two were different"),
            AccessNotice::OnlyKmsKeys => console
                .warning(&format!("all keys of the repository are keys of AWS KMS: {}", kms::RECOVERY)),
            AccessNotice::UploadsRemoved { uploads } => console
                .notice(&format!("removed {} of earlier runs", text::counted(uploads, "unfinished upload"))),
        }
    }
}
