//! Sentences about the repository itself.

use icecore_operations::{
    doctor::{
        Explanation,
        facts::{RepositoryFact, WrongTime},
    },
    text,
};
use icecore_repo::snapshots::ClockError;
use jiff::tz::TimeZone;

use super::{advised, of_failure, plain};

/// Maximum number of snapshots that are named.
const SHOWN_MAX: usize = 5;
const ANOTHER_KEY: &str =
    "add a password or a key file, and keep it elsewhere: `icecore key add --new-key-file FILE`";

/// Explains a fact about the repository.
pub(super) fn explain(fact: RepositoryFact, zone: &TimeZone) -> Explanation {
    match fact {
        RepositoryFact::Found { repository, location } => plain(format!("{repository} at {location}")),
        RepositoryFact::Missing(error) => of_failure(error.into()),
        RepositoryFact::NoKeySlot => advised(
            "no key slot can be read: nobody can unlock the repository",
            "copy meta/keys/ back from a copy of the repository",
        ),
        RepositoryFact::OwnWayIn { slots, has_kms } => {
            let others = if has_kms { ", not only AWS KMS" } else { "" };
            plain(format!("{}{others}", text::counted(slots, "key slot")))
        }
        RepositoryFact::OnlyKms { regions, is_bucket_region } => {
            advised(only_kms(&regions, is_bucket_region), ANOTHER_KEY)
        }
        RepositoryFact::TimesUnknown => advised(
            "their times were not compared: no key or password was given",
            "give a key or a password, for example with --key-file or --password-file",
        ),
        RepositoryFact::TimesAgree => plain("their times match the order in which they were created"),
        RepositoryFact::TimesWrong(snapshots) => advised(
            wrong_times(&snapshots, zone),
            "name these snapshots by id, not by date; their order does not depend on their times",
        ),
        RepositoryFact::MachineBehind { written } => {
            let time = text::local_time(written, zone);
            let message =
                format!("this machine's clock is behind: the repository was last written to at {time}");
            advised(message, "use a time service such as chrony")
        }
    }
}

fn only_kms(regions: &[String], is_bucket_region: bool) -> String {
    match regions.first().filter(|_| is_bucket_region) {
        Some(region) => format!(
            "only AWS KMS in {region}, the region of the bucket, unlocks the repository: if the region fails or the account is \
             lost, nobody can read the backups, not even from a replica"
        ),
        None => format!(
            "only AWS KMS ({}) unlocks the repository: if the account is lost or the key is deleted, nobody can read the backups",
            regions.join(", ")
        ),
    }
}

fn wrong_times(snapshots: &[WrongTime], zone: &TimeZone) -> String {
    let describe = |wrong: &WrongTime| {
        let WrongTime { id, source, host, started, clock } = wrong;
        let clock = if *clock == ClockError::Ahead { "ahead" } else { "behind" };
        let time = text::local_time(*started, zone);
        format!("{id} of {source} ({time}, the clock of {host} was {clock})")
    };
    let shown: Vec<String> = snapshots.iter().take(SHOWN_MAX).map(describe).collect();
    let more = snapshots.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let counted = text::counted(snapshots.len() as u64, "snapshot");
    format!("the time of {counted} is wrong: {}{more}", shown.join(", "))
}
