//! Errors of reading the texts of rules.

/// Error of reading a part of a retention policy. The text fits behind "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionParseError {
    /// The text is not a number of snapshots.
    #[error("{text:?} is not a number of snapshots to keep: write a whole number from 1, or unlimited")]
    Count {
        /// The text as it was given.
        text: String,
    },
    /// The text is not a duration.
    #[error("{text:?} is not a duration: write years, months, weeks, days and hours as in 1y6m2w3d2h")]
    Duration {
        /// The text as it was given.
        text: String,
    },
    /// The duration is zero, so it would keep nothing.
    #[error("the duration {text:?} is zero: it would keep nothing")]
    ZeroDuration {
        /// The text as it was given.
        text: String,
    },
    /// There is no scheme of this name.
    #[error(
        "{text:?} is not a retention scheme: choose gfs, weekly-full, daily-14, tower-of-hanoi or decaying"
    )]
    Scheme {
        /// The text as it was given.
        text: String,
    },
    /// Snapshots cannot be grouped by this.
    #[error("snapshots cannot be grouped by {field:?}: use host, source and tags, separated by commas")]
    GroupBy {
        /// The unknown field.
        field: String,
    },
    /// The text is not a tag.
    #[error("{text:?} is not a tag: write KEY=VALUE, or KEY for any value")]
    Tag {
        /// The text as it was given.
        text: String,
    },
}
