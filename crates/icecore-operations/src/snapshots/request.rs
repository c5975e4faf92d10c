//! Request: which snapshots to list.

/// Snapshots by source and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotsRequest {
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those with all these tags.
    pub tags: Vec<(String, String)>,
    /// Whether to end normally although snapshots disappeared, or the repository was rolled back.
    pub ignores_rollback: bool,
}
