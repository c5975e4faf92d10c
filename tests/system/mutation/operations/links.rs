//! Steps on hard and symbolic links.

use super::{
    beside, create_some_file, free_place, pick, pick_file, pick_file_place, pick_place, pick_records,
};
use crate::mutation::{
    content::Layout,
    mutator::Mutator,
    state::{Kind, Place},
};

const NAMES_MAX: usize = 5;

/// Gives a file another name, in any directory.
pub(super) fn link(mutator: &mut Mutator) -> Option<()> {
    let object = pick_file(mutator)?;
    if mutator.state().object(object).names.len() < NAMES_MAX {
        let place = free_place(mutator);
        mutator.link(object, &place);
    }
    Some(())
}

/// Returns all names of a file that has several.
fn pick_linked(mutator: &mut Mutator) -> Option<Vec<Place>> {
    let state = mutator.state();
    let linked: Vec<Vec<Place>> = state
        .objects
        .values()
        .filter(|object| object.names.len() > 1)
        .map(|object| object.names.iter().cloned().collect())
        .collect();
    pick(mutator, &linked)
}

/// Removes one name from a file that has several, or renames a new file over it.
pub(super) fn break_one(mutator: &mut Mutator) -> Option<()> {
    let names = pick_linked(mutator)?;
    let place = pick(mutator, &names)?;
    if mutator.random.below(2) == 0 {
        mutator.unlink(&place);
    } else {
        let beside = beside(mutator, &place, "new");
        create_some_file(mutator, &beside);
        mutator.rename(&beside, &place);
    }
    Some(())
}

/// Renames the names of a new file over all names of an old one, one after the other.
pub(super) fn rewrite_all(mutator: &mut Mutator) -> Option<()> {
    let names = pick_linked(mutator)?;
    let new: Vec<Place> = names.iter().map(|place| beside(mutator, place, "new")).collect();
    let records = pick_records(mutator);
    let object = mutator.create_file(&new[0], records, Layout::Dense);
    for place in &new[1..] {
        mutator.link(object, place);
    }
    for (new, old) in new.iter().zip(&names) {
        mutator.rename(new, old);
    }
    Some(())
}

/// Renames a new symbolic link over an old one, or over a file.
pub(super) fn replace_symlink(mutator: &mut Mutator) -> Option<()> {
    let place = match pick_place(mutator, |kind| matches!(kind, Kind::Symlink(_))) {
        Some(place) if mutator.random.below(3) > 0 => place,
        _ => pick_file_place(mutator)?,
    };
    let beside = beside(mutator, &place, "new");
    let target = format!("{}/{}", place.name, mutator.take_generation());
    mutator.create_symlink(&beside, target);
    mutator.rename(&beside, &place);
    Some(())
}
