//! Histories of accidents that other programs had, each as one schedule that is written down.

use std::{sync::Arc, time::Duration};

use icecore_format::{ids::RunId, layout::SNAPSHOTS_PREFIX, snapshot::Snapshot};
use icecore_prune::PruneOptions;
use icecore_repo::snapshots;
use icecore_store::Method;

use crate::{
    beginning::empty,
    commands::{Command, FENCE_AFTER, quick},
    gate::Gate,
    machine::{Machine, REPOSITORY},
    truth::Truth,
    turns::{Turns, Verdict, Wish},
    world::{World, place},
};

fn complete(machine: &mut Machine) -> Vec<RunId> {
    let repository = machine.unlock().unwrap();
    let list = snapshots::list(&repository, &mut machine.catalog).unwrap();
    list.complete(None).map(|snapshot: &Snapshot| snapshot.origin.run).collect()
}

fn forget(world: &World, machine: &mut Machine, run: RunId) {
    world.truth.lock().unwrap().forgets(run);
    let repository = machine.unlock().unwrap();
    icecore_prune::forget(&repository, run, None).unwrap();
}

fn assert_sound(world: &World) {
    world.settle(1);
    assert_eq!(world.truth.lock().unwrap().problems, Vec::<String>::new());
}

/// Machines that a test lets go on one call after the other.
struct Stage {
    world: World,
    turns: Arc<Turns>,
}

impl Stage {
    fn new(actors: usize) -> Self {
        Self { world: World::new(&empty(REPOSITORY), Truth::default()), turns: Arc::new(Turns::new(actors)) }
    }

    fn machine(&self, actor: usize) -> Machine {
        let (turns, bucket) = (Arc::clone(&self.turns), Arc::clone(&self.world.bucket));
        let gate = Gate { actor, turns, bucket, late: Arc::default() };
        self.world.machine_on(actor, Arc::new(gate), 100 + actor as u64)
    }

    /// Lets an actor go on until it is about to make such a call, or to the end of its command.
    fn go_until(&self, actor: usize, is_stop: impl Fn(&Method, &str) -> bool) {
        while let Some((_, wish)) = self.turns.wishes().into_iter().find(|(number, _)| *number == actor) {
            if let Wish::Call(method, key) = &wish
                && is_stop(method, key)
            {
                return;
            }
            self.turns.grant(actor, Verdict::Made);
        }
    }
}

/// A collector lists the snapshots; then a snapshot is made on the base of one that was deleted.
#[test]
fn a_snapshot_on_the_base_of_a_deleted_one_is_made_after_the_collector_has_listed() {
    // Where the collector stops while the backup runs: before each of its first calls.
    for stops_at in 0..40 {
        let place = place();
        let stage = Stage::new(2);
        let mut first = stage.world.machine(10, 1).with_tree("host", "source", place.path());
        first.run(Command::Backup, &stage.world.truth).unwrap();
        let base = complete(&mut first)[0];
        let (mut collector, mut writer) = (stage.machine(0), stage.machine(1));
        writer.tree = first.tree.take();
        (writer.host, writer.source) = (first.host.clone(), first.source.clone());
        forget(&stage.world, &mut first, base);
        let world = &stage.world;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                drop(collector.prune(&quick()));
                stage.turns.end(0);
            });
            scope.spawn(|| {
                drop(writer.run(Command::Backup, &world.truth));
                stage.turns.end(1);
            });
            let calls = std::cell::Cell::new(0);
            stage.go_until(0, |_, _| calls.replace(calls.get() + 1) == stops_at);
            // The writer has found what the repository has, and is about to commit.
            let puts = std::cell::Cell::new(0);
            stage.go_until(1, |method, key| {
                let is_put = *method == Method::Put && key.starts_with(SNAPSHOTS_PREFIX);
                puts.set(puts.get() + usize::from(is_put));
                puts.get() == 2
            });
            stage.go_until(0, |_, _| false);
            stage.go_until(1, |_, _| false);
        });
        assert_sound(world);
    }
}

/// A host that was away during a removal still has the catalogue of before.
#[test]
fn an_old_catalogue_does_not_bring_back_what_was_removed() {
    let place = place();
    let world = World::new(&empty(REPOSITORY), Truth::default());
    let mut away = world.machine(1, 1).with_tree("away", "source", &place.path().join("away"));
    let mut other = world.machine(2, 2).with_tree("other", "source", &place.path().join("other"));
    away.run(Command::Backup, &world.truth).unwrap();
    let packs = world.bucket.objects().len();
    for run in complete(&mut other) {
        forget(&world, &mut other, run);
    }
    other.run(Command::Backup, &world.truth).unwrap();
    for _ in 0..2 {
        world.clock.advance(FENCE_AFTER * 2);
        other.prune(&quick()).unwrap();
    }
    assert!(packs > 4, "the first backup had packs");
    // Everything that it backs up again seems to be there.
    away.run(Command::Backup, &world.truth).unwrap();
    assert_sound(&world);
}

/// Somebody makes a copy of all objects while a sweep is under way, and puts it back later.
#[test]
fn a_copy_taken_during_a_sweep_can_be_put_back() {
    let place = place();
    let world = World::new(&empty(REPOSITORY), Truth::default());
    let mut machine = world.machine(1, 1).with_tree("host", "source", place.path());
    machine.run(Command::Backup, &world.truth).unwrap();
    let first = complete(&mut machine)[0];
    machine.run(Command::Backup, &world.truth).unwrap();
    forget(&world, &mut machine, first);
    let condemns = PruneOptions { grace: Duration::from_hours(1), ..quick() };
    machine.prune(&condemns).unwrap();
    let before = world.bucket.objects();
    world.clock.advance(FENCE_AFTER * 2);
    machine.prune(&quick()).unwrap();
    let after = world.bucket.objects();
    let gone: Vec<_> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    assert!(!gone.is_empty());
    // Each copy has some of the objects that the sweep removed, in the order in which it removed them, or in
    // none.
    for kept in 0..=gone.len() {
        for is_from_the_end in [false, true] {
            let mut copy = after.clone();
            let number = |position: usize| if is_from_the_end { gone.len() - 1 - position } else { position };
            copy.extend(
                (0..kept).map(|position| {
                    (gone[number(position)].clone(), before[&gone[number(position)]].clone())
                }),
            );
            let truth = world.truth.lock().unwrap().clone();
            let restored = World::new(&copy, truth);
            let mut host = restored.machine(5, 5).with_tree(
                "host",
                "source",
                &place.path().join(format!("{kept}-{is_from_the_end}")),
            );
            host.run(Command::Backup, &restored.truth).unwrap();
            let read = restored.violations();
            assert!(read.iter().all(|text| !text.contains("lost")), "{kept}: {read:?}");
            host.prune(&quick()).unwrap();
            let read = restored.violations();
            assert!(read.iter().all(|text| !text.contains("lost")), "{kept}: {read:?}");
        }
    }
}

/// A listing comes back short: each of a collector's listings in turn lacks its end.
#[test]
fn a_short_listing_removes_nothing_that_is_needed() {
    for short in 0..24 {
        for length in [0, 1, 2, 3, 5] {
            let place = place();
            let stage = Stage::new(1);
            let world = &stage.world;
            let mut machine = world.machine(10, 1).with_tree("host", "source", place.path());
            machine.run(Command::Backup, &world.truth).unwrap();
            let first = complete(&mut machine)[0];
            machine.run(Command::Backup, &world.truth).unwrap();
            forget(world, &mut machine, first);
            let mut collector = stage.machine(0);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    drop(collector.prune(&quick()));
                    stage.turns.end(0);
                });
                let mut lists = 0;
                while let Some((_, wish)) = stage.turns.wishes().pop() {
                    let is_list = matches!(wish, Wish::Call(Method::List, _));
                    let verdict =
                        if is_list && lists == short { Verdict::Short(length) } else { Verdict::Made };
                    lists += usize::from(is_list);
                    stage.turns.grant(0, verdict);
                }
            });
            assert_sound(world);
        }
    }
}
