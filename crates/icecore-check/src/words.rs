//! Counts as words in the details of problems.

/// Returns a count with its noun, `1 block` or `2 blocks`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
