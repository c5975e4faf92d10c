//! Steps on one or two files.

use super::{
    clear, create_some_file, free_place, pick, pick_file, pick_file_place, pick_place, pick_records,
};
use crate::{
    harness::is_root,
    mutation::{
        content::{Content, Layout},
        mutator::Mutator,
        operations::beside,
        state::{Kind, ObjectId, ROOT},
    },
};

/// Files do not grow beyond this many records.
const RECORDS_MAX: u64 = 40_000;
/// A time that many files have, as after a build or from an archive.
const COMMON_TIME: (i64, i64) = (1_000_000_000, 0);
const ATTRIBUTES: [&str; 2] = ["user.one", "user.two"];

pub(super) fn create(mutator: &mut Mutator) {
    let place = free_place(mutator);
    create_some_file(mutator, &place);
}

pub(super) fn create_sparse(mutator: &mut Mutator) {
    let place = free_place(mutator);
    let records = 1 + mutator.random.below(3000);
    mutator.create_file(&place, records, Layout::Sparse);
}

/// Writes another generation over a file: with the same length and the same time, or perhaps another length.
pub(super) fn rewrite(mutator: &mut Mutator, put_back_time: bool) -> Option<()> {
    let (object, mut content) = pick_full(mutator)?;
    if !put_back_time && mutator.random.below(2) == 0 {
        content.records = 1 + mutator.random.below(content.records * 2).min(RECORDS_MAX);
    }
    content.generation = mutator.take_generation();
    mutator.write(object, content, put_back_time);
    Some(())
}

/// Returns a file that is not empty.
fn pick_full(mutator: &mut Mutator) -> Option<(ObjectId, Content)> {
    let place =
        pick_place(mutator, |kind| matches!(kind, Kind::File { content, .. } if content.records > 0))?;
    let object = mutator.state().at(&place)?;
    Some((object, mutator.state().object(object).content()?))
}

pub(super) fn append(mutator: &mut Mutator) -> Option<()> {
    let object = pick_file(mutator)?;
    let mut content = mutator.state().object(object).content()?;
    content.records += 1 + mutator.random.below(200);
    if content.records <= RECORDS_MAX {
        mutator.write(object, content, false);
    }
    Some(())
}

pub(super) fn truncate(mutator: &mut Mutator) -> Option<()> {
    let (object, mut content) = pick_full(mutator)?;
    content.records = mutator.random.below(content.records);
    mutator.write(object, content, false);
    Some(())
}

pub(super) fn truncate_and_write(mutator: &mut Mutator) -> Option<()> {
    let (object, mut content) = pick_full(mutator)?;
    content.records = 0;
    mutator.write(object, content, false);
    content.records = 1 + pick_records(mutator);
    content.generation = mutator.take_generation();
    mutator.write(object, content, false);
    Some(())
}

/// Writes a new file beside an old one and renames it over the old one; perhaps with its length and time.
pub(super) fn replace(mutator: &mut Mutator, same_time: bool) -> Option<()> {
    let place = pick_place(mutator, |kind| !matches!(kind, Kind::Directory(_)))?;
    let old = mutator.state().object(mutator.state().at(&place)?).clone();
    let beside = beside(mutator, &place, "new");
    match old.kind {
        Kind::File { content, modified } if same_time => {
            let new = mutator.create_file(&beside, content.records, content.layout);
            let time = if mutator.random.below(3) == 0 { COMMON_TIME } else { modified };
            mutator.set_time(new, time);
        }
        _ => drop(create_some_file(mutator, &beside)),
    }
    mutator.rename(&beside, &place);
    Some(())
}

/// Moves a file, a link or a pipe into some directory, perhaps the same.
pub(super) fn relocate(mutator: &mut Mutator) -> Option<()> {
    let from = pick_place(mutator, |kind| !matches!(kind, Kind::Directory(_)))?;
    let to = free_place(mutator);
    mutator.rename(&from, &to);
    Some(())
}

/// Swaps the names of two files.
pub(super) fn swap(mutator: &mut Mutator) -> Option<()> {
    let (first, second) = (pick_file_place(mutator)?, pick_file_place(mutator)?);
    if mutator.state().at(&first) != mutator.state().at(&second) {
        let between = beside(mutator, &first, "swap");
        mutator.rename(&first, &between);
        mutator.rename(&second, &first);
        mutator.rename(&between, &second);
    }
    Some(())
}

/// Replaces any object with one of another kind.
pub(super) fn change_kind(mutator: &mut Mutator) -> Option<()> {
    let place = pick_place(mutator, |_| true)?;
    let old = mutator.state().object(mutator.state().at(&place)?).kind.clone();
    clear(mutator, &place);
    let other = mutator.random.below(5);
    match other {
        0 if !matches!(old, Kind::Fifo) => mutator.create_fifo(&place),
        1 if !matches!(old, Kind::Symlink(_)) => {
            mutator.create_symlink(&place, "/etc/hostname".to_owned());
        }
        2 | 3 if !matches!(old, Kind::Directory(_)) => {
            let directory = mutator.create_directory(&place);
            super::fill(mutator, directory);
        }
        _ if !matches!(old, Kind::File { .. }) => drop(create_some_file(mutator, &place)),
        _ => drop(mutator.create_symlink(&place, "../nowhere".to_owned())),
    }
    Some(())
}

/// Sets the mode of any object with a mode, perhaps the root.
pub(super) fn set_mode(mutator: &mut Mutator) -> Option<()> {
    let place = pick_place(mutator, |kind| !matches!(kind, Kind::Symlink(_)))?;
    let object = if mutator.random.below(50) == 0 { ROOT } else { mutator.state().at(&place)? };
    let mode = match mutator.state().object(object).kind {
        Kind::Directory(_) => pick(mutator, &[0o700, 0o755, 0o750, 0o1755])?,
        // Without privileges, the kernel clears setuid when a file is written.
        Kind::File { .. } if is_root() => pick(mutator, &[0o600, 0o644, 0o4755, 0o640])?,
        _ => pick(mutator, &[0o600, 0o644, 0o755, 0o640])?,
    };
    mutator.set_mode(object, mode);
    Some(())
}

/// Sets or removes an extended attribute of a file or a directory.
pub(super) fn set_attribute(mutator: &mut Mutator) -> Option<()> {
    if !mutator.has_attributes() {
        return None;
    }
    let place = pick_place(mutator, |kind| matches!(kind, Kind::File { .. } | Kind::Directory(_)))?;
    let object = mutator.state().at(&place)?;
    let name = pick(mutator, &ATTRIBUTES)?;
    let has_it = mutator.state().object(object).attributes.contains_key(name);
    let value = (!has_it || mutator.random.below(2) == 0)
        .then(|| format!("{object:016x} {:016x}", mutator.take_generation()));
    mutator.set_attribute(object, name, value);
    Some(())
}

pub(super) fn unlink(mutator: &mut Mutator) -> Option<()> {
    let place = pick_place(mutator, |kind| !matches!(kind, Kind::Directory(_)))?;
    mutator.unlink(&place);
    Some(())
}
