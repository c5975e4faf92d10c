//! The steps: actions of users and programs on files and directories, each with several changes.

mod directories;
mod files;
mod links;

use super::{
    content::Layout,
    journal::Operation,
    mutator::Mutator,
    state::{Kind, ObjectId, Place, ROOT},
};

/// A tree with more objects is reduced before it grows again.
const OBJECTS_MAX: usize = 450;
/// A tree with fewer objects is enlarged.
const OBJECTS_MIN: usize = 80;
const DEPTH_MAX: usize = 6;
/// Few names, so that objects of every kind reuse them; the order of some differs between bytes of a path and
/// component by component.
const NAMES: [&str; 26] = [
    "a", "a-", "a.d", "a0", "b", "b-", "b.d", "c", "d", "rel", "x", "new", "lib", "f00", "f01", "f02", "f03",
    "f04", "f05", "f06", "f07", "f08", "f09", "f10", "f11", "f12",
];

/// How often each operation is chosen.
const WEIGHTS: [(Operation, u64); 26] = [
    (Operation::CreateFile, 10),
    (Operation::CreateSparseFile, 3),
    (Operation::RewriteInPlace, 8),
    (Operation::RewriteWithTimePutBack, 8),
    (Operation::Append, 6),
    (Operation::Truncate, 3),
    (Operation::TruncateAndWrite, 4),
    (Operation::Replace, 6),
    (Operation::ReplaceWithSameTime, 5),
    (Operation::MoveFile, 6),
    (Operation::SwapFiles, 3),
    (Operation::ChangeKind, 6),
    (Operation::Link, 7),
    (Operation::BreakLink, 4),
    (Operation::RewriteLinks, 4),
    (Operation::ReplaceSymlink, 3),
    (Operation::SetMode, 5),
    (Operation::SetAttribute, 4),
    (Operation::Unlink, 5),
    (Operation::MakeEmptyDirectory, 4),
    (Operation::RemoveTree, 3),
    (Operation::RenameDirectoryAndBack, 6),
    (Operation::Deploy, 4),
    (Operation::FillThenRename, 4),
    (Operation::MoveDirectory, 4),
    (Operation::TurnInsideOut, 2),
];

/// Chooses the next operation, so that the tree neither grows without end nor vanishes.
pub(super) fn choose(mutator: &mut Mutator) -> Operation {
    let objects = mutator.state().objects.len();
    let (some, other) = if objects > OBJECTS_MAX {
        (Operation::RemoveTree, Operation::Unlink)
    } else if objects < OBJECTS_MIN {
        (Operation::FillThenRename, Operation::CreateFile)
    } else {
        let mut number = mutator.random.below(WEIGHTS.iter().map(|(_, weight)| weight).sum());
        let mut chosen = WEIGHTS.iter().skip_while(|(_, weight)| {
            let is_beyond = number >= *weight;
            number = number.saturating_sub(*weight);
            is_beyond
        });
        return chosen.next().unwrap().0;
    };
    if mutator.random.below(2) == 0 { some } else { other }
}

/// Does it, if possible.
pub(super) fn perform(mutator: &mut Mutator, operation: Operation) {
    let done = match operation {
        Operation::CreateFile => return files::create(mutator),
        Operation::CreateSparseFile => return files::create_sparse(mutator),
        Operation::RewriteInPlace => files::rewrite(mutator, false),
        Operation::RewriteWithTimePutBack => files::rewrite(mutator, true),
        Operation::Append => files::append(mutator),
        Operation::Truncate => files::truncate(mutator),
        Operation::TruncateAndWrite => files::truncate_and_write(mutator),
        Operation::Replace => files::replace(mutator, false),
        Operation::ReplaceWithSameTime => files::replace(mutator, true),
        Operation::MoveFile => files::relocate(mutator),
        Operation::SwapFiles => files::swap(mutator),
        Operation::ChangeKind => files::change_kind(mutator),
        Operation::Link => links::link(mutator),
        Operation::BreakLink => links::break_one(mutator),
        Operation::RewriteLinks => links::rewrite_all(mutator),
        Operation::ReplaceSymlink => links::replace_symlink(mutator),
        Operation::SetMode => files::set_mode(mutator),
        Operation::SetAttribute => files::set_attribute(mutator),
        Operation::Unlink => files::unlink(mutator),
        Operation::MakeEmptyDirectory => return directories::make_empty(mutator),
        Operation::RemoveTree => directories::remove(mutator),
        Operation::RenameDirectoryAndBack => directories::rename_and_back(mutator),
        Operation::Deploy => directories::deploy(mutator),
        Operation::FillThenRename => return directories::fill_then_rename(mutator),
        Operation::MoveDirectory => directories::relocate(mutator),
        Operation::TurnInsideOut => directories::turn_inside_out(mutator),
    };
    // Impossible in this tree; the caller sees that nothing was recorded.
    done.unwrap_or_default();
}

/// Returns one of a list, or none if it is empty.
fn pick<T: Clone>(mutator: &mut Mutator, list: &[T]) -> Option<T> {
    let length = list.len() as u64;
    (length > 0).then(|| list[mutator.random.below(length) as usize].clone())
}

/// Returns a place with a wanted object.
fn pick_place(mutator: &mut Mutator, wanted: impl Fn(&Kind) -> bool) -> Option<Place> {
    let state = mutator.state();
    let places: Vec<Place> = state
        .places()
        .filter(|place| state.at(place).is_some_and(|object| wanted(&state.object(object).kind)))
        .cloned()
        .collect();
    pick(mutator, &places)
}

fn pick_file_place(mutator: &mut Mutator) -> Option<Place> {
    pick_place(mutator, |kind| matches!(kind, Kind::File { .. }))
}

fn pick_file(mutator: &mut Mutator) -> Option<ObjectId> {
    let place = pick_file_place(mutator)?;
    mutator.state().at(&place)
}

/// Returns a directory that is not the root.
fn pick_directory(mutator: &mut Mutator) -> Option<ObjectId> {
    let place = pick_place(mutator, |kind| matches!(kind, Kind::Directory(_)))?;
    mutator.state().at(&place)
}

/// Returns a directory, possibly the root, that is not too deep for subdirectories.
fn pick_parent(mutator: &mut Mutator) -> ObjectId {
    match pick_directory(mutator) {
        Some(directory) if mutator.random.below(8) > 0 && mutator.state().depth(directory) < DEPTH_MAX => {
            directory
        }
        _ => ROOT,
    }
}

/// Returns a free place in a directory, with a usual name if one is left.
fn free_place_in(mutator: &mut Mutator, parent: ObjectId) -> Place {
    let taken = mutator.state().entries(parent);
    let free: Vec<&str> = NAMES.into_iter().filter(|name| !taken.contains_key(*name)).collect();
    match pick(mutator, &free) {
        Some(name) => Place { parent, name: name.to_owned() },
        None => beside(mutator, &Place { parent, name: NAMES[0].to_owned() }, "more"),
    }
}

fn free_place(mutator: &mut Mutator) -> Place {
    let parent = pick_parent(mutator);
    free_place_in(mutator, parent)
}

/// Returns a free place in the same directory whose name has this suffix in addition.
fn beside(mutator: &Mutator, place: &Place, suffix: &str) -> Place {
    let at = |number: u32| {
        let number = if number == 0 { String::new() } else { number.to_string() };
        Place { parent: place.parent, name: format!("{}.{suffix}{number}", place.name) }
    };
    (0..=u32::MAX).map(at).find(|place| mutator.state().at(place).is_none()).unwrap()
}

/// Returns the length of a new file in records: most are small, some take a while to write and to read.
fn pick_records(mutator: &mut Mutator) -> u64 {
    match mutator.random.below(100) {
        0..8 => 0,
        8..30 => 1,
        30..85 => 1 + mutator.random.below(300),
        85..98 => 1000 + mutator.random.below(2000),
        _ => 10_000 + mutator.random.below(20_000),
    }
}

fn create_some_file(mutator: &mut Mutator, place: &Place) -> ObjectId {
    let records = pick_records(mutator);
    mutator.create_file(place, records, Layout::Dense)
}

/// Puts some objects into an empty directory, including directories with objects in them.
fn fill(mutator: &mut Mutator, directory: ObjectId) {
    for _ in 0..=mutator.random.below(5) {
        let place = free_place_in(mutator, directory);
        match mutator.random.below(8) {
            0 => drop(mutator.create_symlink(&place, "a/target".to_owned())),
            1 | 2 => {
                let inner = mutator.create_directory(&place);
                let place = free_place_in(mutator, inner);
                create_some_file(mutator, &place);
            }
            _ => drop(create_some_file(mutator, &place)),
        }
    }
}

/// Removes the object at a place, with everything below it, from the bottom up.
fn clear(mutator: &mut Mutator, place: &Place) {
    let Some(object) = mutator.state().at(place) else { return };
    if mutator.state().object(object).is_directory() {
        let names: Vec<String> = mutator.state().entries(object).keys().cloned().collect();
        for name in names {
            clear(mutator, &Place { parent: object, name });
        }
    }
    mutator.unlink(place);
}
