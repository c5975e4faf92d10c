//! Sentences about a bucket and its server.

use icecore_aws::Versioning;
use icecore_operations::{
    doctor::{
        Explanation,
        facts::{ArchiveFact, BucketFact, RuleFact},
    },
    text,
};

use super::{advised, of_failure, plain};
use crate::failure::Failure;

const SINGLE_WRITER: &str =
    "use one host only, and create the repository with `icecore init --single-writer`";
const THAW: &str = "thaw them (`aws s3api restore-object`), copy them back into STANDARD, and disable the lifecycle rule or the \
                    archive tiers of Intelligent-Tiering that archived them";

/// Explains a fact about a bucket and its server.
pub(super) fn explain(fact: BucketFact) -> Explanation {
    match fact {
        BucketFact::Region(region) => plain(region),
        BucketFact::OneWriter => plain("the repository supports one writer at a time"),
        BucketFact::ConditionsHonoured => {
            plain("conditional requests work: several hosts can write at the same time")
        }
        BucketFact::ConditionsIgnored { ignored } => advised(format!("the server {ignored}"), SINGLE_WRITER),
        BucketFact::WritingForbidden(error) => {
            let explanation = of_failure(Failure::from(error));
            let message = format!("{}; restores are possible, backups are not", explanation.message);
            Explanation { message, ..explanation }
        }
        BucketFact::ReadsCorrect => plain("requests for objects, ranges and lists get correct answers"),
        BucketFact::ReadsWrong { answers } => advised(
            format!("the server {}", answers.join("; it ")),
            "backups on this server cannot be restored: use another server, or a newer version of this one",
        ),
        BucketFact::Powers { overwrites, deletes } => powers(overwrites, deletes),
        BucketFact::ClocksAgree => plain("the same as the server's"),
        BucketFact::ClocksDiffer(difference) => advised(
            format!("the clocks of this machine and the server differ by {}", text::duration(difference)),
            "S3 refuses requests if the difference is 15 minutes or more; use a time service such as chrony",
        ),
        BucketFact::ClockUnknown => plain("the server does not report its time"),
        BucketFact::Rules(fact) => of_rules(&fact),
        BucketFact::Versioning(versioning) => of_versioning(versioning),
        BucketFact::Archive(fact) => of_archive(fact),
    }
}

fn powers(overwrites: bool, deletes: bool) -> Explanation {
    const FOR_HOSTS: &str = "maintainers need these permissions, hosts that make backups do not: see `icecore doctor \
                             --print-policy writer` and `--print-policy bucket`";
    match (overwrites, deletes) {
        (false, false) => {
            plain("these credentials can neither delete objects nor overwrite them without a condition")
        }
        (true, false) => advised(
            "these credentials cannot delete objects, but can overwrite them",
            "to prevent this, attach the policies that `icecore doctor --print-policy writer` and \
             `--print-policy bucket` print",
        ),
        (false, true) => advised("these credentials can delete objects", FOR_HOSTS),
        (true, true) => advised("these credentials can delete objects and overwrite them", FOR_HOSTS),
    }
}

fn of_rules(fact: &RuleFact) -> Explanation {
    match fact {
        RuleFact::Unknown => {
            advised("the lifecycle rules cannot be read", "allow s3:GetLifecycleConfiguration on the bucket")
        }
        RuleFact::Harmful(rule) => advised(
            format!("the rule {:?} {} that begin with {:?}", rule.id, rule.effect, rule.prefix),
            "only objects under data/ may move to a colder class, and none may be deleted: limit the rule to other keys",
        ),
        RuleFact::NoneHarmful => plain("no rule moves metadata to a colder class or deletes objects"),
        RuleFact::NoAbort => advised(
            "no rule removes unfinished uploads",
            "add AbortIncompleteMultipartUpload with 7 days; otherwise you pay for the unfinished uploads of killed runs",
        ),
    }
}

fn of_versioning(versioning: Versioning) -> Explanation {
    match versioning {
        Versioning::Enabled => plain("on: deleted and overwritten objects can be recovered"),
        Versioning::Off => advised(
            "off: deleted objects cannot be recovered",
            "`aws s3api put-bucket-versioning` protects against anyone who has the permissions of this host",
        ),
        Versioning::Unknown => advised("cannot be read", "allow s3:GetBucketVersioning on the bucket"),
        Versioning::Unsupported => plain("cannot be read: the server may not support versioning"),
    }
}

fn of_archive(fact: ArchiveFact) -> Explanation {
    match fact {
        ArchiveFact::Nothing => plain("no object below meta/ is archived"),
        ArchiveFact::Archived { objects, key, class, thaw_command } => {
            let objects = text::counted(objects, "object");
            let message = format!(
                "{objects} below meta/ must be thawed before they can be read, such as {key} ({class})"
            );
            let example = thaw_command.map(|command| format!("; for this one: {command}"));
            advised(message, format!("{THAW}{}", example.unwrap_or_default()))
        }
        ArchiveFact::Unknown { objects } => advised(
            format!(
                "no archived object was found below meta/, but {} in INTELLIGENT_TIERING were not checked",
                text::counted(objects, "object")
            ),
            "do not enable the archive tiers of Intelligent-Tiering for keys below meta/",
        ),
    }
}
