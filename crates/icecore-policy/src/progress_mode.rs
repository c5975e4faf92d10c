//! Forms of progress.

use serde::Deserialize;

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProgressMode {
    /// Bars on a terminal, nothing otherwise.
    #[default]
    Auto,
    /// Lines of text.
    Plain,
    /// Lines of JSON.
    Json,
    /// Not at all.
    None,
}
