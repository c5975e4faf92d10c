//! Advice about restores that are refused.

use icecore_operations::{restore::RestoreRefusal, text};

use super::Advice;

/// Returns what to do about a restore that is refused.
pub(super) fn of(refusal: &RestoreRefusal) -> Option<Advice> {
    let advice = match refusal {
        RestoreRefusal::SystemDirectory { .. } => {
            "choose another directory, or add --yes to restore into this one; --dry-run lists the changes"
        }
        RestoreRefusal::Stream | RestoreRefusal::OtherName => "use --target DIR",
        RestoreRefusal::OtherSource { .. } => "give --since a snapshot of the same source",
        RestoreRefusal::NothingBefore { .. } => {
            "restore the whole snapshot: omit --incremental and --differential"
        }
        RestoreRefusal::NothingIncluded { id, root, path, patterns } => {
            return Some(of_patterns(id, root, path, patterns).into());
        }
        _ => return None,
    };
    Some(advice.into())
}

fn of_patterns(id: &str, root: &[u8], path: &[u8], patterns: &[String]) -> String {
    let root = String::from_utf8_lossy(root);
    let below = |pattern: &str| {
        let rest = pattern.strip_prefix(root.trim_end_matches('/'))?;
        rest.starts_with('/').then(|| rest.to_owned())
    };
    if let Some(rest) = patterns.iter().find_map(|pattern| below(pattern)).filter(|_| root.starts_with('/')) {
        return format!("patterns are relative to the source's root {root}: use --include '{rest}'");
    }
    let shown = text::printable(path);
    if path.is_empty() {
        format!("patterns are relative to the source's root {root}; `icecore ls {id}` lists the files")
    } else {
        format!("patterns are relative to {shown} in the source; `icecore ls {id}:{shown}` lists the files")
    }
}
