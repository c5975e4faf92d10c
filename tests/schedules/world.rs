//! One schedule: several machines with their commands on one repository, from its seed to what is wrong
//! afterwards.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use icecore_format::{history::Loss, ids::ChunkId, layout::PACKS_PREFIX};
use icecore_prune::{Doubt, PruneOptions};
use icecore_repo::snapshots;
use icecore_store::{Store, environment::ManualClock};
use tempfile::TempDir;

use crate::{
    beginning::BEGINNINGS,
    bucket::{Bucket, now},
    commands::{Command, FENCE_AFTER, quick},
    dice::Dice,
    gate::{Gate, LateCalls},
    judge,
    machine::{KEY, Machine, SkewedClock},
    scheduler::Scheduler,
    truth::Truth,
    turns::{Turns, Wish},
};

/// Prunes after which nothing is left to remove.
const LAST_PRUNES: usize = 6;
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Returns the time at which schedules begin: after the change of every real file.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + YEAR * 90))
}

/// Returns a place for trees, in memory if there is one.
pub(crate) fn place() -> TempDir {
    TempDir::with_prefix_in("icecore-schedules-", "/dev/shm")
        .unwrap_or_else(|_| TempDir::with_prefix("icecore-schedules-").unwrap())
}

/// What came of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What is wrong.
    pub(crate) problems: Vec<String>,
    /// Every call in its order, with what happened to it.
    pub(crate) trace: Vec<String>,
    /// How often something happened.
    pub(crate) tally: BTreeMap<String, u64>,
}

/// Everything that the actors of a schedule share.
pub(crate) struct World {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) truth: Mutex<Truth>,
    /// Every call and the end of every command.
    pub(crate) trace: Mutex<Vec<String>>,
    /// Whether an object was lost, which somebody has to repair.
    pub(crate) is_damaged: AtomicBool,
}

/// The commands of one actor.
struct Role {
    machine: Machine,
    commands: Vec<Command>,
}

impl World {
    /// Begins with a repository that contains these objects.
    pub(crate) fn new(objects: &BTreeMap<String, Bytes>, truth: Truth) -> Self {
        let clock = clock();
        let bucket = Arc::new(Bucket::new(Arc::<ManualClock>::clone(&clock), objects));
        Self {
            bucket,
            clock,
            truth: Mutex::new(truth),
            trace: Mutex::default(),
            is_damaged: AtomicBool::new(false),
        }
    }

    /// Loses the directory of a pack, if there is one.
    fn damage(&self, dice: &mut Dice) -> bool {
        let objects = self.bucket.objects();
        let directories: Vec<&String> = objects.keys().filter(|key| key.starts_with(PACKS_PREFIX)).collect();
        if directories.is_empty() {
            return false;
        }
        let key = *dice.pick(&directories);
        now(self.bucket.delete(key, None)).unwrap();
        self.trace.lock().unwrap().push(format!("{key} is lost"));
        self.is_damaged.store(true, Ordering::Relaxed);
        true
    }

    /// Makes a machine that no scheduler holds up.
    pub(crate) fn machine(&self, number: usize, seed: u64) -> Machine {
        self.machine_on(number, Arc::<Bucket>::clone(&self.bucket), seed)
    }

    /// Makes a machine that sees the repository through a store.
    pub(crate) fn machine_on(&self, number: usize, store: Arc<dyn Store>, seed: u64) -> Machine {
        Machine::new(number, store, Arc::<ManualClock>::clone(&self.clock), Dice::new(seed))
    }

    /// Returns what the judge says about the repository as it is now.
    pub(crate) fn violations(&self) -> Vec<String> {
        let expected = self.truth.lock().unwrap().expected();
        judge::judge(&self.bucket.objects(), &[KEY; 32], &expected)
    }

    /// Runs commands of one actor.
    fn act(&self, actor: usize, role: Role, turns: &Turns) {
        let Role { mut machine, commands } = role;
        for command in commands {
            turns.ask(actor, Wish::Begin(format!("{command:?}")));
            let result = catch_unwind(AssertUnwindSafe(|| machine.run(command, &self.truth)));
            let has_crashed = turns.has_crashed(actor);
            let text = match result {
                Ok(Ok(text)) => text,
                Ok(Err(error)) if has_crashed => format!("crashed: {error}"),
                Ok(Err(error)) => {
                    self.truth
                        .lock()
                        .unwrap()
                        .count(&format!("{command:?}: {}", without_names(&error.to_string())));
                    format!("failed: {error}")
                }
                Err(_) => {
                    self.truth.lock().unwrap().problems.push(format!("{command:?} panicked"));
                    "panicked".to_owned()
                }
            };
            if !text.starts_with("failed") {
                let what = if has_crashed { "crashed" } else { "succeeded" };
                self.truth.lock().unwrap().count(&format!("{command:?} {what}"));
            }
            self.trace.lock().unwrap().push(format!("{actor} {command:?}: {}", without_chunks(&text)));
            if command == Command::Prune && !self.is_damaged.load(Ordering::Relaxed) {
                let violations = self.violations().into_iter().filter(|text| !is_left_for_later(text));
                self.truth.lock().unwrap().problems.extend(violations);
            }
        }
    }

    /// Lets time pass and removes everything that nothing needs; then nothing else may be left, and
    /// everything must be readable by the library, too.
    pub(crate) fn settle(&self, seed: u64) {
        let mut machine = self.machine(100, seed);
        if self.is_damaged.load(Ordering::Relaxed)
            && let Err(error) = machine.repair(&self.truth)
        {
            self.truth.lock().unwrap().problems.push(format!("the last repair: {error}"));
        }
        for _ in 0..LAST_PRUNES {
            self.clock.advance(FENCE_AFTER * 2);
            let ended_runs = machine.dead_repairs().unwrap();
            let report = machine.prune(&PruneOptions { ended_runs, ..quick() });
            if let Ok(report) = &report {
                self.trace.lock().unwrap().push(format!("last prune: {:?}", report.plan.records));
            }
            match report {
                Ok(report) if report.doubts.is_empty() && report.swept.failed.is_empty() => {}
                Ok(report) if report.doubts.iter().all(is_late_commit) => {
                    self.truth.lock().unwrap().count("the log lacked a commit that arrived late");
                    machine.name_all().unwrap();
                }
                Ok(report) => {
                    let problem = format!("the last prune: {:?}, {:?}", report.doubts, report.swept.failed);
                    self.truth.lock().unwrap().problems.push(problem);
                }
                Err(error) => self.truth.lock().unwrap().problems.push(format!("the last prune: {error}")),
            }
        }
        let mut problems = self.violations();
        problems.extend(judge::garbage(&self.bucket.objects(), &[KEY; 32]));
        problems.extend(self.unreadable(&mut machine));
        let mut truth = self.truth.lock().unwrap();
        truth.compare_rest();
        truth.problems.extend(problems);
    }

    /// Reads all snapshots that must be there.
    fn unreadable(&self, machine: &mut Machine) -> Vec<String> {
        let repository = machine.unlock().unwrap();
        let list = snapshots::list(&repository, &mut machine.catalog).unwrap();
        let mut problems = Vec::new();
        let expected = self.truth.lock().unwrap().expected();
        for judge::Expected { run, files } in expected {
            let run = icecore_format::ids::RunId(run);
            let found = list.by_run(run).ok_or_else(|| "it is not listed".into());
            match found.and_then(|snapshot| machine.read(&repository, snapshot)) {
                Ok(read) if read == files => {}
                Ok(_) => problems.push(format!("{run} has another content")),
                Err(error) => problems.push(format!("{run} cannot be read: {error}")),
            }
        }
        problems
    }
}

/// Returns whether the log seems to lack a record. If the last call of a command that crashed is on its way
/// for so long that the next command ends meanwhile, a snapshot becomes complete that this one should have
/// named. Somebody has to say that this is so.
fn is_late_commit(doubt: &Doubt) -> bool {
    matches!(doubt, Doubt::Lost(Loss::NamingRecord(_)))
}

/// Returns whether something is in order for a while. If a listing lacks a pack, a sweep only removes its
/// directory, and the pack is condemned again. If a commit arrives late, a later snapshot is named before it.
fn is_left_for_later(violation: &str) -> bool {
    violation.ends_with("it has no directory, and its run stored all")
        || violation.starts_with("no log record names the snapshot")
}

/// Leaves out the names of chunks: those of manifests differ each time, because the files have other inodes.
fn without_chunks(text: &str) -> String {
    let is_chunk = |word: &&str| word.len() == ChunkId::BYTES * 2;
    text.split(' ').filter(|word| !is_chunk(word)).collect::<Vec<_>>().join(" ")
}

/// Leaves out names, which differ from one schedule to the next.
fn without_names(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| if word.chars().filter(char::is_ascii_digit).count() > 4 { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Runs the schedule of a seed.
pub(crate) fn run(seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let place = place();
    let beginning = dice.pick(&BEGINNINGS);
    let world = World::new(&beginning.objects, beginning.truth.clone());
    let is_damaged = dice.happens(100) && world.damage(&mut dice);
    let late = Arc::new(LateCalls::default());
    let kinds = cast(&mut dice, is_damaged);
    let hosts = hosts(&world, &mut dice);
    let turns = Arc::new(Turns::new(kinds.len()));
    let mut roles = Vec::new();
    for (actor, commands) in kinds.iter().enumerate() {
        let gate = Gate {
            actor,
            turns: Arc::clone(&turns),
            bucket: Arc::clone(&world.bucket),
            late: Arc::clone(&late),
        };
        let machine = machine(gate, commands, &hosts, place.path(), &mut dice);
        roles.push(Role { machine, commands: commands.clone() });
    }
    let collectors = (0..kinds.len()).filter(|actor| kinds[*actor].contains(&Command::Prune)).collect();
    let actors = (kinds.len(), collectors);
    let mut scheduler = Scheduler::new(&world, &turns, &late, actors, dice.fork());
    let endless = std::thread::scope(|scope| {
        for (actor, role) in roles.into_iter().enumerate() {
            let (world, turns) = (&world, &turns);
            scope.spawn(move || {
                world.act(actor, role, turns);
                turns.end(actor);
            });
        }
        let endless = scheduler.run();
        assert!(endless.is_none(), "seed {seed} does not end");
        endless
    });
    world.settle(seed);
    let mut truth = world.truth.into_inner().unwrap();
    truth.problems.extend(endless);
    let trace = std::mem::take(&mut *world.trace.lock().unwrap());
    Outcome { problems: truth.problems, trace, tally: truth.tally }
}

/// Chooses who takes part, by their commands.
fn cast(dice: &mut Dice, is_damaged: bool) -> Vec<Vec<Command>> {
    let several = |dice: &mut Dice, command, most: usize| vec![command; dice.below(most) + 1];
    let mut actors = vec![several(dice, Command::Backup, 3), several(dice, Command::Prune, 6)];
    if dice.happens(500) {
        actors.push(several(dice, Command::Backup, 2));
    }
    let keeper = |dice: &mut Dice| {
        let commands = [
            Command::Forget,
            Command::Forget,
            Command::Forget,
            Command::Forget,
            Command::Undo,
            Command::Undo,
            Command::Read,
            Command::Hold,
            Command::Release,
        ];
        (0..=dice.below(5)).map(|_| *dice.pick(&commands)).collect()
    };
    actors.push(keeper(dice));
    if dice.happens(400) {
        actors.push(keeper(dice));
    }
    if dice.happens(600) {
        actors.push(several(dice, Command::Prune, 4));
    }
    if dice.happens(200) {
        actors.push(several(dice, Command::Read, 3));
    }
    if dice.happens(200) {
        let copies = *dice.pick(&[Command::CopyIn, Command::CopyOut]);
        actors.push(several(dice, copies, 3));
    }
    if is_damaged || dice.happens(50) {
        actors.push(several(dice, Command::Repair, 2));
    }
    actors
}

/// The machines of one host have one clock, which may be wrong.
struct Host {
    name: &'static str,
    clock: Arc<SkewedClock>,
}

fn hosts(world: &World, dice: &mut Dice) -> Vec<Host> {
    let names = ["here", "there", "elsewhere"];
    let hosts = names.into_iter().map(|name| {
        let by = *dice.pick(&[Duration::ZERO, Duration::ZERO, Duration::from_mins(30), YEAR]);
        let (world, is_behind) = (Arc::clone(&world.clock), dice.happens(500));
        Host { name, clock: Arc::new(SkewedClock { world, is_behind, by }) }
    });
    hosts.collect()
}

/// Makes the machine of an actor. Two that back up may be on one host, with different sources or with the
/// same.
fn machine(gate: Gate, commands: &[Command], hosts: &[Host], place: &Path, dice: &mut Dice) -> Machine {
    let actor = gate.actor;
    let host = dice.pick(hosts);
    let clock = Arc::<SkewedClock>::clone(&host.clock);
    let machine = Machine::new(actor, Arc::new(gate), clock, dice.fork());
    if !commands.contains(&Command::Backup) {
        return machine;
    }
    let source = *dice.pick(&["first", "second"]);
    machine.with_tree(host.name, source, &place.join(actor.to_string()))
}
