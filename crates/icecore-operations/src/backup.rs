//! `backup`: a snapshot of each path, or of a stream.
//!
//! [`plan()`] turns the user's choices and the configuration into the sources of a request; [`prepare()`]
//! finds all mistakes in a request before anything is written; [`run()`] makes the snapshots.

mod document;
mod error;
mod events;
mod messages;
mod names;
mod patterns;
mod plan;
mod prepare;
mod report;
mod request;
mod run;
mod settings;
mod stream;

pub use document::{BackupDocument, ProblemDocument, SourceDocument};
pub use error::BackupFault;
pub use events::{BackupRunEvents, BackupRunNotice};
pub use messages::{notice_text, pattern_texts, problem_text};
pub use names::{NameError, parse_source_name};
pub use patterns::IneffectivePatterns;
pub use plan::plan;
pub use prepare::{PreparedBackup, prepare};
pub use report::{BackupReport, SourceReport, SourceSuccess};
pub use request::{
    BackupOptions, BackupRequest, OpenInput, SourceChoice, SourceKind, SourceRequest, StreamChoice,
};
pub use run::run;
pub use settings::{ChosenSettings, PatternOrigin, SnapshotSettings, SourceSettings};
