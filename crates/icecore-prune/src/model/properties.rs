//! What must hold in each state, and the model as the checker sees it.

use stateright::{Model, Property};

use super::{
    alone,
    config::Config,
    reader,
    world::{Action, World},
};

impl Model for Config {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::begin(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(self, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        let happened = next.apply(self, action);
        next.collectors.sort_unstable();
        (happened && next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RESTORE, |_, world: &World| world.can_restore()),
            Property::always(RELIED, |config: &Self, world: &World| world.runs_have_packs(config)),
            Property::always(ENDS, |config: &Self, world: &World| world.ends_are_known(config)),
            Property::always(LOGGED, |_, world: &World| world.store.removed.is_within(world.store.logged)),
            Property::always(READS, |_, world: &World| {
                world.reader.at != reader::At::Missed { is_complete: true }
            }),
            Property::always(GARBAGE, |config: &Self, world: &World| {
                !config.checks_ends || alone::collections_finish(config, world)
            }),
            Property::always(STARVES, |config: &Self, world: &World| {
                !config.checks_ends || alone::a_writer_commits(config, world)
            }),
        ]
    }
}

pub(super) const RESTORE: &str = "complete snapshots can be restored";
pub(super) const RELIED: &str = "packs that a run relies on exist";
pub(super) const ENDS: &str = "each run knows how it ended";
pub(super) const LOGGED: &str = "removed snapshots are in the log";
pub(super) const READS: &str = "a reader finds what is complete";
pub(super) const GARBAGE: &str = "garbage goes";
pub(super) const STARVES: &str = "a writer alone commits";
