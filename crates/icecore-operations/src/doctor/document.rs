//! The findings as JSON: a section of `docs/json.md`.

use serde::Serialize;

use super::{
    facts::Fact,
    finding::{Finding, State},
    run::DoctorReport,
};

/// A fact in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A finding.
#[derive(Clone, Debug, Serialize)]
pub struct FindingDocument {
    /// What was examined.
    pub check: &'static str,
    /// Result.
    pub state: State,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All findings.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorDocument {
    location: String,
    healthy: bool,
    /// The findings.
    pub findings: Vec<FindingDocument>,
}

impl DoctorDocument {
    /// Makes the document of a report; `explain` puts facts into words.
    pub fn new(report: DoctorReport, explain: impl Fn(Fact) -> Explanation) -> Self {
        let healthy = report.is_healthy();
        let document = |Finding { check, state, fact }| {
            let Explanation { message, hint } = explain(fact);
            FindingDocument { check: check.name(), state, message, hint }
        };
        let findings = report.findings.into_iter().map(document).collect();
        Self { location: report.location, healthy, findings }
    }
}

#[cfg(test)]
mod tests;
