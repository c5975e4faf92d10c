//! Advice about refused requests for backups, and about sources that are not backed up.

use icecore_fs::excludes::{IneffectivePattern, IneffectiveReason};
use icecore_operations::{backup::BackupFault, text};

use super::{Advice, engines};

/// Returns what to do about it.
pub(super) fn of(fault: &BackupFault) -> Option<Advice> {
    let advice = match fault {
        BackupFault::NoPath => "run `icecore backup PATH…`; see `icecore backup --help`",
        BackupFault::UnknownSource { .. } => "run `icecore backup --name NAME PATH`",
        BackupFault::OneName => "--name is for a single PATH: run the command once for each PATH",
        BackupFault::Unnamed { .. } => "use --name NAME",
        BackupFault::SameDirectory { .. } | BackupFault::SameName { .. } => {
            "back them up one at a time, each with its own --name"
        }
        BackupFault::Exclude(error) => return engines::of_exclude(error),
        BackupFault::IneffectivePattern(pattern) => return Some(of_pattern(pattern)),
        BackupFault::OtherRoot { name, root, .. } => {
            let (root, name) = (text::shell_word(root), text::shell_word(name.as_bytes()));
            let text = format!(
                "give it a name of its own: `icecore backup {root} --name OTHER`; if the directory was only moved, \
                 continue under the same name: `icecore backup {root} --name {name}`"
            );
            return Some(text.into());
        }
        BackupFault::NoSnapshot { source, .. } => return engines::of_backup(source),
        _ => return None,
    };
    Some(advice.into())
}

fn of_pattern(pattern: &IneffectivePattern) -> Advice {
    match (&pattern.instead, &pattern.reason) {
        (Some(instead), _) => format!("use --exclude {}", text::shell_word(instead.as_bytes())).into(),
        (None, IneffectiveReason::BelowExcluded { directory }) => format!(
            "exclude the content of the directory, not the directory itself: --exclude {}",
            text::shell_word(format!("/{directory}/*").as_bytes())
        )
        .into(),
        (None, _) => {
            "patterns use the syntax of gitignore files, relative to PATH; see `icecore backup --help`".into()
        }
    }
}
