//! Symbolic links, pipes and similar files among the objects: they are ignored, and each is reported once.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Most strays that one message names.
const NAMED_MAX: usize = 3;
/// Most strays that are remembered as reported; further ones are reported again.
const REMEMBERED_MAX: usize = 1_000;

/// A file with the name of an object that is not an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) key: String,
    /// What it is, with its article.
    pub(super) what: &'static str,
}

/// The strays that were reported to the user.
#[derive(Debug, Default)]
pub(super) struct Strays(Mutex<BTreeSet<String>>);

impl Strays {
    /// Warns of new strays.
    pub(super) fn report(&self, location: &Path, strays: &[Stray]) {
        if let Some(text) = self.describe_new(strays) {
            tracing::warn!(
                "ignored in {}, because it is not a file of the repository: {text}",
                location.display()
            );
        }
    }

    /// Describes the new strays, if there are any.
    fn describe_new(&self, strays: &[Stray]) -> Option<String> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<&Stray> = strays.iter().filter(|stray| !told.contains(&stray.key)).collect();
        if new.is_empty() {
            return None;
        }
        let room = REMEMBERED_MAX.saturating_sub(told.len());
        told.extend(new.iter().take(room).map(|stray| stray.key.clone()));
        let mut texts: Vec<String> =
            new.iter().take(NAMED_MAX).map(|Stray { key, what }| format!("{key} ({what})")).collect();
        if new.len() > NAMED_MAX {
            texts.push(format!("and {} more", new.len() - NAMED_MAX));
        }
        Some(texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_named_once_and_not_all_of_many() {
        let strays = Strays::default();
        let stray = |number: usize| Stray { key: format!("data/{number}"), what: "a symbolic link" };
        assert_eq!(strays.describe_new(&[]), None);
        assert_eq!(strays.describe_new(&[stray(0)]).unwrap(), "data/0 (a symbolic link)");
        assert_eq!(strays.describe_new(&[stray(0)]), None);
        let many: Vec<Stray> = (0..10).map(stray).collect();
        let text = strays.describe_new(&many).unwrap();
        assert_eq!(
            text,
            "data/1 (a symbolic link), data/2 (a symbolic link), data/3 (a symbolic link), and 6 more"
        );
        assert_eq!(strays.describe_new(&many), None);
    }
}
