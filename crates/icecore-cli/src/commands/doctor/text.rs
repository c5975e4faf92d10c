//! Messages of `doctor`.

use icecore_operations::{
    doctor::{
        DoctorDocument, Explanation, FindingDocument, State,
        facts::{CacheFact, Fact},
    },
    text,
};
use jiff::tz::TimeZone;

use crate::failure::Failure;

mod bucket;
mod directory;
mod repository;

/// Returns the findings as lines for people.
pub(super) fn lines(document: &DoctorDocument) -> String {
    let mut lines = Vec::new();
    for FindingDocument { check, state, message, hint } in &document.findings {
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
    lines.join("\n")
}

/// Explains a fact, and what to do about it.
pub(super) fn explain(fact: Fact, zone: &TimeZone) -> Explanation {
    match fact {
        Fact::Failed(error) => of_failure(error.into()),
        Fact::Repository(fact) => repository::explain(fact, zone),
        Fact::Bucket(fact) => bucket::explain(fact),
        Fact::Directory(fact) => directory::explain(&fact),
        Fact::Cache(fact) => of_cache(fact),
    }
}

fn of_cache(fact: CacheFact) -> Explanation {
    match fact {
        CacheFact::NoDirectory => {
            advised("no home directory found for it", "choose a directory with --cache-dir")
        }
        CacheFact::Usable(path) => plain(path.display().to_string()),
        CacheFact::Unusable(error) => {
            advised(Failure::from(error).message, "choose another one with --cache-dir")
        }
    }
}

/// Explains a failure.
fn of_failure(failure: Failure) -> Explanation {
    Explanation { message: failure.message, hint: failure.hint.map(String::from) }
}

/// Makes an explanation without a hint.
fn plain(message: impl Into<String>) -> Explanation {
    Explanation { message: message.into(), hint: None }
}

/// Makes an explanation with a hint.
fn advised(message: impl Into<String>, hint: impl Into<String>) -> Explanation {
    Explanation { message: message.into(), hint: Some(hint.into()) }
}

#[cfg(test)]
mod tests;
