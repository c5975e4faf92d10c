//! What happens if all actors but one stop for ever.

use super::{
    collector::{Collector, Listing, Task},
    config::{Config, WriterPlan},
    set::Set,
    store::{RECORDS, RUNS, Snapshot, Store},
    world::World,
    writer::Writer,
};

/// Steps that are enough for everything that an actor can do alone.
const STEPS: usize = 40;
/// Rounds in which collections that run alone have to finish.
const ROUNDS: usize = 5;

/// Whether collections that begin now, and that nobody disturbs, remove all garbage and nothing else.
pub(super) fn collections_finish(config: &Config, world: &World) -> bool {
    let mut config = config.clone();
    config.records = RECORDS;
    let mut world = World { store: world.store.clone(), ..World::default() };
    for _ in 0..ROUNDS {
        collect(&config, &mut world.store);
        if !world.can_restore() {
            return false;
        }
    }
    is_clean(&world.store)
}

/// One collection: fences what is waited for, continues what is open, condemns what is dead.
fn collect(config: &Config, store: &mut Store) {
    let waited = store.union(|record| record.waiting.unwrap_or_default());
    let mut tasks: Vec<Task> = waited.iter().map(Task::Fence).collect();
    for number in store.numbers().iter() {
        tasks.extend([Task::Record(number), Task::Record(number), Task::Close(number)]);
    }
    tasks.push(Task::Condemn);
    for task in tasks {
        finish(config, task, store);
    }
    if let Some(newest) = store.newest() {
        finish(config, Task::Record(newest), store);
    }
}

fn finish(config: &Config, task: Task, store: &mut Store) {
    let mut collector = Collector::default();
    if collector.begin(config, task, store) {
        for _ in 0..STEPS {
            if collector.is_idle() || !collector.step(config, Listing::Whole, store) {
                return;
            }
        }
    }
}

/// Whether nothing is left but what complete snapshots need, and the newest record.
fn is_clean(store: &Store) -> bool {
    let live = store.references(store.in_state(Snapshot::Complete));
    let present = store.packs | store.with_directory();
    present == present & store.listed() & store.packs_with(live)
        && store.in_state(Snapshot::Deleted).is_empty()
        && store.numbers().iter().count() <= 1
}

/// Whether a new writer that nobody disturbs completes a snapshot of all chunks.
pub(super) fn a_writer_commits(config: &Config, world: &World) -> bool {
    let mut world = world.clone();
    let plan =
        WriterPlan { run: RUNS as u8 - 1, wants: Set::below(3), adopts: true, base: None, continues: None };
    let mut writer = Writer::default();
    for _ in 0..STEPS {
        if !writer.step(config, plan, &mut world.store, None) {
            break;
        }
    }
    world.store.snapshot(plan.run) == Snapshot::Complete && world.can_restore()
}
