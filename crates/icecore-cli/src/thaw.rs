//! Packs that have to be thawed, and the commands for it.

use std::fmt::Write;

use icecore_aws::S3Store;
use icecore_repo::reader::ArchivedPack;
use icecore_store::RepositoryLocation;
use serde::Serialize;

use crate::{context::Context, surface::console::Console};
use icecore_operations::text::{self, shell_word};

/// Packs that are shown with their commands.
const PACKS_SHOWN_MAX: usize = 10;
/// Days for which S3 keeps a readable copy.
const DAYS: u32 = 7;

/// An archived pack as it stands in JSON documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ArchivedDocument {
    key: String,
    class: String,
    thaw_command: Option<String>,
}

/// Where the packs are.
pub(crate) struct Bucket<'a> {
    name: &'a str,
    prefix: &'a str,
    endpoint_url: Option<&'a str>,
    region: &'a str,
}

impl<'a> Bucket<'a> {
    /// Returns the bucket of a repository, if it is in one.
    pub(crate) fn of(context: &'a Context, s3: Option<&'a S3Store>) -> Option<Self> {
        match (context.access.location(), s3) {
            (Ok(RepositoryLocation::S3 { bucket, prefix }), Some(s3)) => {
                Some(Self { name: bucket, prefix, endpoint_url: s3.endpoint_url(), region: s3.region() })
            }
            _ => None,
        }
    }

    /// Returns the command that thaws a pack, for a shell.
    pub(crate) fn command(&self, pack: &ArchivedPack) -> String {
        let Self { name, prefix, endpoint_url, region } = self;
        let key = if prefix.is_empty() { pack.key.clone() } else { format!("{prefix}/{}", pack.key) };
        // What Intelligent-Tiering thaws stays readable, and takes no number of days.
        let days = if pack.class.starts_with("INTELLIGENT_TIERING") {
            String::new()
        } else {
            format!("\"Days\":{DAYS},")
        };
        let mut line = format!(
            "aws s3api restore-object --bucket {} --key {} --restore-request '{{{days}\"GlacierJobParameters\":\
             {{\"Tier\":\"Standard\"}}}}' --region {}",
            shell_word(name.as_bytes()),
            shell_word(key.as_bytes()),
            shell_word(region.as_bytes()),
        );
        if let Some(url) = endpoint_url {
            // Writing to a string does not fail.
            let _ = write!(line, " --endpoint-url {}", shell_word(url.as_bytes()));
        }
        line
    }
}

/// Returns the documents of archived packs.
pub(crate) fn documents(bucket: Option<&Bucket<'_>>, packs: &[ArchivedPack]) -> Vec<ArchivedDocument> {
    let document = |pack: &ArchivedPack| ArchivedDocument {
        key: pack.key.clone(),
        class: pack.class.clone(),
        thaw_command: bucket.map(|bucket| bucket.command(pack)),
    };
    packs.iter().map(document).collect()
}

/// Shows archived packs, how to thaw them, and what to do then; `objects` says what is waiting for them.
pub(crate) fn show(console: &Console, objects: &str, packs: &[ArchivedDocument]) {
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
        "hint: S3 takes up to 5 hours for GLACIER and 12 for DEEP_ARCHIVE (with \"Bulk\", which is cheaper, up to 12 and \
         48); then run the same command again",
    );
}

#[cfg(test)]
mod tests;
