//! Repositories with which schedules begin. Each has a short history, so that there is something to forget,
//! to use again and to remove.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use icecore_catalog::Catalog;
use icecore_fixtures::{content::SMALL_CHUNKS, keys::key_file};
use icecore_format::{header::Parameters, ids::RepositoryId, slot::PasswordCost};
use icecore_repo::repository::{CreateOptions, Repository};

use crate::{
    bucket::Bucket,
    commands::Command,
    dice::Dice,
    machine::{KEY, Machine, REPOSITORY},
    truth::Truth,
    world::{World, clock, place},
};

const BEGINNINGS_COUNT: u64 = 12;
/// The last ones have so many backups that their small packs are put together.
const LONG_COUNT: u64 = 2;
const LONG_BACKUPS: usize = 17;

/// A repository, and what it must contain.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) objects: BTreeMap<String, Bytes>,
    pub(crate) truth: Truth,
}

/// The repositories; the first one is new.
pub(crate) static BEGINNINGS: LazyLock<Vec<Beginning>> = LazyLock::new(|| {
    let empty = empty(REPOSITORY);
    let new = Beginning { objects: empty.clone(), truth: Truth::default() };
    let others = (1..BEGINNINGS_COUNT).map(|seed| history(&empty, REPOSITORY, seed));
    let long = (0..LONG_COUNT).map(|seed| long_history(&empty, seed));
    std::iter::once(new).chain(others).chain(long).collect()
});

/// Returns the objects of a new repository.
pub(crate) fn empty(id: RepositoryId) -> BTreeMap<String, Bytes> {
    let bucket = Arc::new(Bucket::new(clock(), &BTreeMap::new()));
    let machine = Machine::new(200, Arc::<Bucket>::clone(&bucket), clock(), Dice::new(1));
    let options = CreateOptions {
        parameters: Parameters { chunker: SMALL_CHUNKS, block_bytes: 4 << 10, node_items: 4 },
        credential: key_file(KEY),
        cost: PasswordCost::FLOOR,
        label: "first".to_owned(),
        program: "test".to_owned(),
    };
    let store = Arc::clone(&machine.store);
    Repository::create(store, machine.environment.clone(), id, &options).unwrap();
    bucket.objects()
}

/// Makes a repository with some snapshots, of which some are forgotten, and in which packs may be condemned.
pub(crate) fn history(empty: &BTreeMap<String, Bytes>, id: RepositoryId, seed: u64) -> Beginning {
    let mut dice = Dice::new(seed);
    let mut commands = vec![Command::Backup; 2 + dice.below(3)];
    commands.extend(vec![Command::Forget; dice.below(3)]);
    if dice.happens(300) {
        commands.push(Command::Prune);
        commands.push(Command::Backup);
        commands.push(Command::Forget);
    }
    run(empty, id, seed, &commands)
}

fn long_history(empty: &BTreeMap<String, Bytes>, seed: u64) -> Beginning {
    run(empty, REPOSITORY, 50 + seed, &[Command::Increment; LONG_BACKUPS])
}

fn run(empty: &BTreeMap<String, Bytes>, id: RepositoryId, seed: u64, commands: &[Command]) -> Beginning {
    let place = place();
    let world = World::new(empty, Truth::default());
    let mut machine = world.machine(150, seed).with_tree("here", "first", place.path());
    machine.catalog = Catalog::in_memory(id).unwrap();
    for command in commands {
        machine.run(*command, &world.truth).unwrap();
    }
    Beginning { objects: world.bucket.objects(), truth: world.truth.into_inner().unwrap() }
}
