//! Steps on directories and everything below them.

use super::{DEPTH_MAX, beside, clear, fill, free_place, free_place_in, pick, pick_directory, pick_parent};
use crate::mutation::{
    mutator::Mutator,
    state::{ObjectId, Place, State},
};

pub(super) fn make_empty(mutator: &mut Mutator) {
    let place = free_place(mutator);
    mutator.create_directory(&place);
}

/// Removes a directory with everything below it.
pub(super) fn remove(mutator: &mut Mutator) -> Option<()> {
    let place = pick_moved(mutator)?;
    clear(mutator, &place);
    Some(())
}

/// Returns the place of a directory that is not the root.
fn pick_moved(mutator: &mut Mutator) -> Option<Place> {
    let directory = pick_directory(mutator)?;
    Some(mutator.state().place_of(directory).clone())
}

/// `mv a b; mv b a`.
pub(super) fn rename_and_back(mutator: &mut Mutator) -> Option<()> {
    let place = pick_moved(mutator)?;
    let other = beside(mutator, &place, "moved");
    mutator.rename(&place, &other);
    mutator.rename(&other, &place);
    Some(())
}

/// `mv rel rel.old; mv rel.next rel`, and mostly `rm -r rel.old`.
pub(super) fn deploy(mutator: &mut Mutator) -> Option<()> {
    let place = pick_moved(mutator)?;
    let (next, old) = (beside(mutator, &place, "next"), beside(mutator, &place, "old"));
    let directory = mutator.create_directory(&next);
    fill(mutator, directory);
    mutator.rename(&place, &old);
    mutator.rename(&next, &place);
    if mutator.random.below(4) > 0 {
        clear(mutator, &old);
    }
    Some(())
}

/// `mkdir x.part; fill; mv x.part x`.
pub(super) fn fill_then_rename(mutator: &mut Mutator) {
    let done = free_place(mutator);
    let part = beside(mutator, &done, "part");
    let directory = mutator.create_directory(&part);
    fill(mutator, directory);
    mutator.rename(&part, &done);
}

/// Returns how many levels of directories there are below a directory.
fn height(state: &State, directory: ObjectId) -> usize {
    let below = state.entries(directory).values().filter(|id| state.object(**id).is_directory());
    below.map(|id| 1 + height(state, *id)).max().unwrap_or(0)
}

/// Moves a directory into another one, at any depth.
pub(super) fn relocate(mutator: &mut Mutator) -> Option<()> {
    let from = pick_moved(mutator)?;
    let parent = pick_parent(mutator);
    let state = mutator.state();
    let directory = state.at(&from)?;
    let depth = state.depth(parent) + 1 + height(state, directory);
    if !state.is_within(parent, directory) && depth <= DEPTH_MAX + 2 {
        let to = free_place_in(mutator, parent);
        mutator.rename(&from, &to);
    }
    Some(())
}

/// Swaps a directory with one below it: `mv a/b t; mv a t/x; mv t a`.
pub(super) fn turn_inside_out(mutator: &mut Mutator) -> Option<()> {
    let outer = pick_moved(mutator)?;
    let state = mutator.state();
    let directory = state.at(&outer)?;
    let inner: Vec<Place> = state
        .entries(directory)
        .iter()
        .filter(|(_, id)| state.object(**id).is_directory())
        .map(|(name, _)| Place { parent: directory, name: name.clone() })
        .collect();
    let inner = pick(mutator, &inner)?;
    let between = beside(mutator, &outer, "turned");
    let moved = mutator.state().at(&inner)?;
    mutator.rename(&inner, &between);
    let place = free_place_in(mutator, moved);
    mutator.rename(&outer, &place);
    mutator.rename(&between, &outer);
    Some(())
}
