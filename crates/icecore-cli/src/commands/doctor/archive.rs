//! Whether metadata is archived, which has to be readable at once.

use icecore_aws::{ArchiveReport, S3Store};
use icecore_repo::reader::ArchivedPack;

use super::{Finding, State};
use crate::context::Context;
use icecore_operations::{archived::Bucket, text};

const CHECK: &str = "archive";
const HINT: &str = "thaw them (`aws s3api restore-object`), copy them back into STANDARD, and end what moved them: a lifecycle \
                    rule, or archive tiers of Intelligent-Tiering";

/// Looks for archived objects below `meta/`.
pub(super) fn metadata(context: &Context, store: &S3Store) -> Finding {
    let report = match context.access.machine.environment.runtime.block_on(store.archived_metadata()) {
        Ok(report) => report,
        Err(error) => return Finding::failed(CHECK, error.into()),
    };
    judge(&report, |pack| Bucket::of(&context.access, Some(store)).map(|bucket| bucket.command(pack)))
}

/// Judges what was found; `command` returns how to thaw an object.
fn judge(report: &ArchiveReport, command: impl Fn(&ArchivedPack) -> Option<String>) -> Finding {
    let ArchiveReport { archived, example, unknown } = report;
    if let Some((key, class)) = example {
        let objects = text::counted(*archived, "object");
        let message =
            format!("{objects} below meta/ cannot be read before they are thawed, such as {key} ({class})");
        let object = ArchivedPack { key: key.clone(), class: class.clone() };
        let example =
            command(&object).map(|command| format!("; for this one: {command}")).unwrap_or_default();
        return Finding::new(CHECK, State::Bad, message).hint(format!("{HINT}{example}"));
    }
    if *unknown > 0 {
        let message = format!(
            "no archived object was found below meta/, but {} in INTELLIGENT_TIERING were not looked at",
            text::counted(*unknown, "object")
        );
        return Finding::new(CHECK, State::Unknown, message)
            .hint("do not switch on the archive tiers of Intelligent-Tiering for keys below meta/");
    }
    Finding::new(CHECK, State::Good, "no object below meta/ is archived")
}
