//! `doctor`: finds out before the disaster what is missing.

use std::time::Duration;

use icecore_access::{AccessMode, OpenStore, unlock};
use icecore_aws::{LifecycleReport, ProbeError, S3Store, Versioning, explain_probe_error, probe_conditions};
use icecore_format::layout::{DATA_PREFIX, PACKS_PREFIX, SNAPSHOTS_PREFIX};
use icecore_repo::{error::RepoError, repository::read_plain_header};
use icecore_store::{RepositoryLocation, StoreError};
use serde::Serialize;

use crate::{
    arguments::doctor::DoctorArguments,
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus},
    surface::console::ResultWriter,
};
use icecore_operations::text;

mod archive;
mod keys;
mod local;
mod policy;
mod times;
mod trial;

/// Difference of clocks that is worth a word; S3 refuses requests from 15 minutes on.
const SKEW_MAX: Duration = Duration::from_mins(2);

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Unknown,
    Warning,
    Bad,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    message: String,
    hint: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, message: impl Into<String>) -> Self {
        Self { check, state, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn failed(check: &'static str, failure: Failure) -> Self {
        Self { check, state: State::Bad, message: failure.message, hint: failure.hint.map(String::from) }
    }
}

#[derive(Serialize)]
struct DoctorDocument {
    location: String,
    healthy: bool,
    findings: Vec<Finding>,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &DoctorArguments) -> Outcome<ExitStatus> {
    if let Some(role) = arguments.print_policy {
        let RepositoryLocation::S3 { bucket, prefix } = context.access.location()? else {
            return Err(Failure::usage("policies are for repositories on S3")
                .hint("give --repository s3://bucket/prefix; it need not exist"));
        };
        ResultWriter::document(&policy::of_role(role, bucket, prefix))?;
        return Ok(ExitStatus::Done);
    }
    let store = context.access.open_store(AccessMode::Write)?;
    let mut findings = Vec::new();
    let can_go_on = reach(context, &store, &mut findings);
    let has_repository =
        findings.iter().any(|finding| finding.check == "repository" && finding.state == State::Good);
    if let Some(s3) = store.s3.as_ref().filter(|_| can_go_on) {
        findings.push(conditions(context, s3));
        findings.extend(trial::examine(context, s3));
        findings.push(clock(context, s3));
        findings.extend(lifecycle(context, s3));
        findings.push(versioning(context, s3));
        findings.push(archive::metadata(context, s3));
    }
    if let Some(local) = store.local.as_ref().filter(|_| can_go_on) {
        findings.extend(local::examine(context, local));
    }
    if can_go_on && has_repository {
        findings.push(keys::look(context, &store));
        findings.extend(times::look(context, &store));
    }
    findings.push(cache(context));
    // What failed because of a signal is no finding.
    if context.access.machine.is_cancelled() {
        return Err(Failure::interrupted());
    }
    show(context, store.store.location(), findings)
}

fn show(context: &Context, location: String, findings: Vec<Finding>) -> Outcome<ExitStatus> {
    let healthy = findings.iter().all(|finding| finding.state != State::Bad);
    if context.console.json {
        ResultWriter::document(&DoctorDocument { location, healthy, findings })?;
    } else {
        let mut lines = Vec::new();
        for Finding { check, state, message, hint } in &findings {
            let mark = match state {
                State::Good => "good",
                State::Unknown => "?",
                State::Warning => "look",
                State::Bad => "BAD",
            };
            lines.push(format!("{mark:<5} {check}: {}", text::printable_message(message)));
            lines.extend(hint.as_ref().map(|hint| format!("      {}", text::printable_message(hint))));
        }
        lines.push(String::new());
        ResultWriter::print(&lines.join("\n"))?;
    }
    Ok(if healthy { ExitStatus::Done } else { ExitStatus::Failed })
}

/// Looks whether the store answers, and whether there is a repository; says whether there is any use in going on.
fn reach(context: &Context, store: &OpenStore, findings: &mut Vec<Finding>) -> bool {
    let header = read_plain_header(&store.store, &context.access.machine.environment);
    let (finding, can_go_on) = match header {
        Ok(header) => (
            Finding::new(
                "repository",
                State::Good,
                format!("{} at {}", header.repository, store.store.location()),
            ),
            true,
        ),
        Err(error @ RepoError::NoRepository { .. }) => {
            let finding = if let Some(failure) = headless(context, store) {
                Finding::failed("repository", failure)
            } else {
                let failure = Failure::from(error);
                let finding = Finding::new("repository", State::Warning, failure.message);
                failure.hint.into_iter().fold(finding, Finding::hint)
            };
            (finding, true)
        }
        Err(error) => {
            let is_store = matches!(error, RepoError::Store(_));
            (Finding::failed("repository", error.into()), !is_store)
        }
    };
    findings.push(finding);
    if let Some(s3) = store.s3.as_ref().filter(|_| can_go_on) {
        findings.push(Finding::new("region", State::Good, s3.region()));
    }
    if can_go_on
        && let Err(error) =
            context.access.machine.environment.runtime.block_on(store.store.list("meta/keys/"))
    {
        findings.push(Finding::failed("listing", error.into()));
        return false;
    }
    can_go_on
}

/// Returns the failure of a repository without its header, if anything of one is there.
fn headless(context: &Context, store: &OpenStore) -> Option<Failure> {
    let others =
        [(SNAPSHOTS_PREFIX, "snapshots"), (PACKS_PREFIX, "pack directories"), (DATA_PREFIX, "packs")];
    let missing = unlock::missing_header(&context.access, store).or_else(|| {
        others.into_iter().find_map(|(prefix, objects)| {
            unlock::missing_header_beside(&context.access, store, prefix, objects)
        })
    });
    missing.map(Failure::from)
}

/// Tries conditional requests, and with them the permissions to write and to read.
fn conditions(context: &Context, store: &S3Store) -> Finding {
    const CHECK: &str = "writing";
    const SINGLE_WRITER: &str =
        "use one host only, and make the repository with `icecore init --single-writer`";
    if store.is_single_writer() {
        return Finding::new(CHECK, State::Warning, "the repository was made for one writer at a time");
    }
    let runtime = &context.access.machine.environment.runtime;
    let error = match runtime.block_on(probe_conditions(store)) {
        Ok(report) if report.is_safe() => {
            let message = "conditional requests are honoured, several hosts can write at a time";
            return Finding::new(CHECK, State::Good, message);
        }
        Ok(report) => {
            return Finding::new(CHECK, State::Bad, format!("the server {}", report.ignored()))
                .hint(SINGLE_WRITER);
        }
        Err(error) => error,
    };
    match runtime.block_on(explain_probe_error(store, error)) {
        ProbeError::NotHonoured { ignored, .. } => {
            Finding::new(CHECK, State::Bad, format!("the server {ignored}")).hint(SINGLE_WRITER)
        }
        ProbeError::Store(error @ StoreError::NotPermitted { .. }) => {
            let failure = Failure::from(error);
            let finding = Finding::new(
                CHECK,
                State::Bad,
                format!("{}; restores are possible, backups are not", failure.message),
            );
            failure.hint.into_iter().fold(finding, Finding::hint)
        }
        error => Finding::failed(CHECK, error.into()),
    }
}

fn clock(context: &Context, store: &S3Store) -> Finding {
    const CHECK: &str = "clock";
    match context.access.machine.environment.runtime.block_on(store.clock_difference()) {
        Ok(Some(difference)) if difference > SKEW_MAX => {
            let message = format!("this machine and the server differ by {}", text::duration(difference));
            Finding::new(CHECK, State::Warning, message)
                .hint("S3 refuses requests from 15 minutes on; use a time service")
        }
        Ok(Some(_)) => Finding::new(CHECK, State::Good, "the same as the server's"),
        Ok(None) => Finding::new(CHECK, State::Unknown, "the server does not say its time"),
        Err(error) => Finding::failed(CHECK, error.into()),
    }
}

fn lifecycle(context: &Context, store: &S3Store) -> Vec<Finding> {
    const CHECK: &str = "lifecycle";
    let report = match context.access.machine.environment.runtime.block_on(store.lifecycle()) {
        Ok(report) => report,
        Err(error) => return vec![Finding::failed(CHECK, error.into())],
    };
    let LifecycleReport { harmful, has_abort_rule, is_unknown } = report;
    if is_unknown {
        let message = "the rules cannot be read";
        return vec![
            Finding::new(CHECK, State::Unknown, message)
                .hint("s3:GetLifecycleConfiguration on the bucket allows it"),
        ];
    }
    let mut findings: Vec<Finding> = harmful
        .iter()
        .map(|rule| {
            let message = format!("the rule {:?} {} that begin with {:?}", rule.id, rule.effect, rule.prefix);
            Finding::new(CHECK, State::Bad, message)
                .hint("only objects under data/ may become cold, and none may be deleted: limit the rule to other keys")
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::new(CHECK, State::Good, "no rule makes metadata cold or deletes anything"));
    }
    if !has_abort_rule {
        findings.push(
            Finding::new(CHECK, State::Warning, "no rule takes away uploads that were never completed")
                .hint("add AbortIncompleteMultipartUpload with 7 days; what a killed run leaves is paid for otherwise"),
        );
    }
    findings
}

fn versioning(context: &Context, store: &S3Store) -> Finding {
    const CHECK: &str = "versioning";
    match context.access.machine.environment.runtime.block_on(store.versioning()) {
        Ok(Versioning::Enabled) => {
            Finding::new(CHECK, State::Good, "what is deleted or replaced can be brought back")
        }
        Ok(Versioning::Off) => Finding::new(CHECK, State::Warning, "off: what is deleted is gone")
            .hint("`aws s3api put-bucket-versioning` protects from whoever has this host's permissions"),
        Ok(Versioning::Unknown) => Finding::new(CHECK, State::Unknown, "cannot be read")
            .hint("s3:GetBucketVersioning on the bucket allows it"),
        Ok(Versioning::Unsupported) => Finding::new(
            CHECK,
            State::Unknown,
            "cannot be read: the server answered with something else, or does not know versioning",
        ),
        Err(error) => Finding::failed(CHECK, error.into()),
    }
}

fn cache(context: &Context) -> Finding {
    const CHECK: &str = "cache";
    match context.access.cache_directory() {
        None => Finding::new(CHECK, State::Warning, "there is no home directory for it")
            .hint("give one with --cache-dir"),
        Some(path) => match std::fs::create_dir_all(path) {
            Ok(()) => match rustix::fs::access(path, rustix::fs::Access::WRITE_OK) {
                Ok(()) => Finding::new(CHECK, State::Good, path.display().to_string()),
                Err(errno) => Finding::failed(CHECK, Failure::io("write into", path, &errno.into()))
                    .hint("choose another one with --cache-dir"),
            },
            Err(error) => Finding::failed(CHECK, Failure::io("create", path, &error))
                .hint("choose another one with --cache-dir"),
        },
    }
}
