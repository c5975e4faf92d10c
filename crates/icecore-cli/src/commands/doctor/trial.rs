//! Whether a server reads as a repository needs it, and whether it lets this host do harm.

use icecore_aws::{S3Store, Trial, try_requests};
use icecore_store::StoreError;

use crate::{
    commands::doctor::{Finding, State},
    context::Context,
};

/// Tries reads, overwriting and deletion on an object of its own.
pub(super) fn examine(context: &Context, store: &S3Store) -> Vec<Finding> {
    match context.access.machine.environment.runtime.block_on(try_requests(store)) {
        Ok(trial) => vec![reading(&trial), protection(&trial)],
        // That nothing can be written is said already.
        Err(StoreError::NotPermitted { .. }) => Vec::new(),
        Err(error) => vec![Finding::failed("reading", error.into())],
    }
}

fn reading(trial: &Trial) -> Finding {
    const CHECK: &str = "reading";
    if trial.wrong_reads.is_empty() {
        return Finding::new(CHECK, State::Good, "objects, ranges and listings are answered correctly");
    }
    Finding::new(CHECK, State::Bad, format!("the server {}", trial.wrong_reads.join("; it ")))
        .hint("backups there could not be restored: use another server, or a newer version of this one")
}

fn protection(trial: &Trial) -> Finding {
    const CHECK: &str = "protection";
    const FOR_HOSTS: &str = "a maintainer needs this, a host that makes backups does not: see `icecore doctor \
                             --print-policy writer` and `--print-policy bucket`";
    match (trial.overwrites, trial.deletes) {
        (false, false) => Finding::new(
            CHECK,
            State::Good,
            "these credentials can neither delete objects nor overwrite them without a condition",
        ),
        (true, false) => Finding::new(
            CHECK,
            State::Warning,
            "these credentials cannot delete objects, but can overwrite them",
        )
        .hint(
            "to let S3 refuse that, attach the policies that `icecore doctor --print-policy writer` and \
                 `--print-policy bucket` print",
        ),
        (false, true) => {
            Finding::new(CHECK, State::Warning, "these credentials can delete objects").hint(FOR_HOSTS)
        }
        (true, true) => {
            Finding::new(CHECK, State::Warning, "these credentials can delete objects and overwrite them")
                .hint(FOR_HOSTS)
        }
    }
}
