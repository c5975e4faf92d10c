//! Packs that must be thawed, and the commands for it.

use std::fmt::Write;

use icecore_access::RepositoryAccess;
use icecore_aws::S3Store;
use icecore_repo::reader::ArchivedPack;
use icecore_store::RepositoryLocation;
use serde::Serialize;

use crate::text::shell_word;

/// Days for which S3 keeps a readable copy.
const DAYS: u32 = 7;

/// An archived pack in JSON documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchivedDocument {
    /// Its key in the repository.
    pub key: String,
    /// Its storage class.
    pub class: String,
    /// How to thaw it, for a shell.
    pub thaw_command: Option<String>,
}

/// Location of the packs.
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'a> {
    name: &'a str,
    prefix: &'a str,
    endpoint_url: Option<&'a str>,
    region: &'a str,
}

impl<'a> Bucket<'a> {
    /// Returns the bucket of a repository, if it is in one.
    pub fn of(access: &'a RepositoryAccess, s3: Option<&'a S3Store>) -> Option<Self> {
        match (access.location(), s3) {
            (Ok(RepositoryLocation::S3 { bucket, prefix }), Some(s3)) => {
                Some(Self { name: bucket, prefix, endpoint_url: s3.endpoint_url(), region: s3.region() })
            }
            _ => None,
        }
    }

    /// Returns the command that thaws a pack, for a shell.
    pub fn command(&self, pack: &ArchivedPack) -> String {
        let Self { name, prefix, endpoint_url, region } = self;
        let key = if prefix.is_empty() { pack.key.clone() } else { format!("{prefix}/{}", pack.key) };
        // Objects that Intelligent-Tiering thaws stay readable, so the command has no number of days.
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
pub fn documents(bucket: Option<&Bucket<'_>>, packs: &[ArchivedPack]) -> Vec<ArchivedDocument> {
    let document = |pack: &ArchivedPack| ArchivedDocument {
        key: pack.key.clone(),
        class: pack.class.clone(),
        thaw_command: bucket.map(|bucket| bucket.command(pack)),
    };
    packs.iter().map(document).collect()
}

#[cfg(test)]
mod tests;
