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

const SINGLE_WRITER: &str = "use one host only, and make the repository with `icecore init --single-writer`";
const THAW: &str = "thaw them (`aws s3api restore-object`), copy them back into STANDARD, and end what moved them: a lifecycle \
                    rule, or archive tiers of Intelligent-Tiering";

/// Explains a fact about a bucket and its server.
pub(super) fn explain(fact: BucketFact) -> Explanation {
    match fact {
        BucketFact::Region(region) => plain(region),
        BucketFact::OneWriter => plain("the repository was made for one writer at a time"),
        BucketFact::ConditionsHonoured => {
            plain("conditional requests are honoured, several hosts can write at a time")
        }
        BucketFact::ConditionsIgnored { ignored } => advised(format!("the server {ignored}"), SINGLE_WRITER),
        BucketFact::WritingForbidden(error) => {
            let explanation = of_failure(Failure::from(error));
            let message = format!("{}; restores are possible, backups are not", explanation.message);
            Explanation { message, ..explanation }
        }
        BucketFact::ReadsCorrect => plain("objects, ranges and listings are answered correctly"),
        BucketFact::ReadsWrong { answers } => advised(
            format!("the server {}", answers.join("; it ")),
            "backups there could not be restored: use another server, or a newer version of this one",
        ),
        BucketFact::Powers { overwrites, deletes } => powers(overwrites, deletes),
        BucketFact::ClocksAgree => plain("the same as the server's"),
        BucketFact::ClocksDiffer(difference) => advised(
            format!("this machine and the server differ by {}", text::duration(difference)),
            "S3 refuses requests from 15 minutes on; use a time service",
        ),
        BucketFact::ClockUnknown => plain("the server does not say its time"),
        BucketFact::Rules(fact) => of_rules(&fact),
        BucketFact::Versioning(versioning) => of_versioning(versioning),
        BucketFact::Archive(fact) => of_archive(fact),
    }
}

fn powers(overwrites: bool, deletes: bool) -> Explanation {
    const FOR_HOSTS: &str = "a maintainer needs this, a host that makes backups does not: see `icecore doctor \
                             --print-policy writer` and `--print-policy bucket`";
    match (overwrites, deletes) {
        (false, false) => {
            plain("these credentials can neither delete objects nor overwrite them without a condition")
        }
        (true, false) => advised(
            "these credentials cannot delete objects, but can overwrite them",
            "to let S3 refuse that, attach the policies that `icecore doctor --print-policy writer` and \
             `--print-policy bucket` print",
        ),
        (false, true) => advised("these credentials can delete objects", FOR_HOSTS),
        (true, true) => advised("these credentials can delete objects and overwrite them", FOR_HOSTS),
    }
}

fn of_rules(fact: &RuleFact) -> Explanation {
    match fact {
        RuleFact::Unknown => {
            advised("the rules cannot be read", "s3:GetLifecycleConfiguration on the bucket allows it")
        }
        RuleFact::Harmful(rule) => advised(
            format!("the rule {:?} {} that begin with {:?}", rule.id, rule.effect, rule.prefix),
            "only objects under data/ may become cold, and none may be deleted: limit the rule to other keys",
        ),
        RuleFact::NoneHarmful => plain("no rule makes metadata cold or deletes anything"),
        RuleFact::NoAbort => advised(
            "no rule takes away uploads that were never completed",
            "add AbortIncompleteMultipartUpload with 7 days; what a killed run leaves is paid for otherwise",
        ),
    }
}

fn of_versioning(versioning: Versioning) -> Explanation {
    match versioning {
        Versioning::Enabled => plain("what is deleted or replaced can be brought back"),
        Versioning::Off => advised(
            "off: what is deleted is gone",
            "`aws s3api put-bucket-versioning` protects from whoever has this host's permissions",
        ),
        Versioning::Unknown => advised("cannot be read", "s3:GetBucketVersioning on the bucket allows it"),
        Versioning::Unsupported => {
            plain("cannot be read: the server answered with something else, or does not know versioning")
        }
    }
}

fn of_archive(fact: ArchiveFact) -> Explanation {
    match fact {
        ArchiveFact::Nothing => plain("no object below meta/ is archived"),
        ArchiveFact::Archived { objects, key, class, thaw_command } => {
            let objects = text::counted(objects, "object");
            let message = format!(
                "{objects} below meta/ cannot be read before they are thawed, such as {key} ({class})"
            );
            let example = thaw_command.map(|command| format!("; for this one: {command}"));
            advised(message, format!("{THAW}{}", example.unwrap_or_default()))
        }
        ArchiveFact::Unknown { objects } => advised(
            format!(
                "no archived object was found below meta/, but {} in INTELLIGENT_TIERING were not looked at",
                text::counted(objects, "object")
            ),
            "do not switch on the archive tiers of Intelligent-Tiering for keys below meta/",
        ),
    }
}
