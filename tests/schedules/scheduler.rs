//! Decides who is next, and what happens to calls: all of it from a seed.

use std::time::Duration;

use icecore_format::layout::SNAPSHOTS_PREFIX;
use icecore_store::Method;

use crate::{
    commands::FENCE_AFTER,
    dice::Dice,
    gate::LateCalls,
    turns::{Turns, Verdict, Wish},
    world::World,
};

/// A schedule with more calls does not end.
const PICKS_MAX: u64 = 50_000;
/// Time that passes with each call.
const TICK: Duration = Duration::from_millis(50);

/// How often things happen in one schedule, in 1,000 calls.
#[derive(Debug)]
struct Habits {
    /// The same actor goes on.
    stays: usize,
    suspended: usize,
    /// Longest suspension, in calls of others.
    suspended_for: usize,
    crashes: usize,
    lost: usize,
    late: usize,
    /// Time passes, so that runs without a sign of life are ended.
    jumps: usize,
    short: usize,
}

impl Habits {
    fn new(dice: &mut Dice) -> Self {
        Self {
            stays: *dice.pick(&[0, 500, 800, 950, 985]),
            suspended: *dice.pick(&[0, 5, 30]),
            suspended_for: *dice.pick(&[20, 100, 400]),
            crashes: *dice.pick(&[0, 3, 15]),
            lost: *dice.pick(&[0, 10, 50]),
            late: *dice.pick(&[0, 0, 5, 20]),
            jumps: *dice.pick(&[0, 3, 20]),
            short: *dice.pick(&[0, 0, 0, 50]),
        }
    }
}

/// Schedules the calls of all actors.
pub(crate) struct Scheduler<'a> {
    world: &'a World,
    turns: &'a Turns,
    late: &'a LateCalls,
    dice: Dice,
    habits: Habits,
    /// Until which pick each actor is suspended.
    suspended: Vec<u64>,
    /// Actors whose listings may lack their end: those that decide on removals.
    collectors: Vec<usize>,
    last: usize,
    picks: u64,
}

impl<'a> Scheduler<'a> {
    pub(crate) fn new(
        world: &'a World,
        turns: &'a Turns,
        late: &'a LateCalls,
        (actors, collectors): (usize, Vec<usize>),
        mut dice: Dice,
    ) -> Self {
        let habits = Habits::new(&mut dice);
        let suspended = vec![0; actors];
        let scheduler = Self { world, turns, late, dice, habits, suspended, collectors, last: 0, picks: 0 };
        scheduler.note(format!("{:?}", scheduler.habits));
        scheduler
    }

    fn note(&self, step: String) {
        self.world.trace.lock().unwrap().push(step);
    }

    /// Runs until all actors are done; returns what is wrong if they never are.
    pub(crate) fn run(&mut self) -> Option<String> {
        loop {
            let wishes = self.turns.wishes();
            if wishes.is_empty() {
                break;
            }
            self.picks += 1;
            if self.picks == PICKS_MAX {
                return Some("the schedule does not end".to_owned());
            }
            self.pass_time();
            if self.late.len() > 0 && self.dice.happens(20) {
                self.let_arrive();
            }
            let (actor, wish) = self.choose(&wishes).clone();
            if self.suspends(actor, &wish) {
                continue;
            }
            let verdict = self.judge(actor, &wish);
            let fate = if verdict == Verdict::Made { String::new() } else { format!(": {verdict:?}") };
            self.note(format!("{actor} {}{fate}", wish.text()));
            self.last = actor;
            self.turns.grant(actor, verdict);
        }
        while self.late.len() > 0 {
            self.let_arrive();
        }
        None
    }

    fn pass_time(&mut self) {
        self.world.clock.advance(TICK);
        if self.dice.happens(self.habits.jumps) {
            let jump = *self.dice.pick(&[FENCE_AFTER / 8, FENCE_AFTER * 2]);
            self.world.clock.advance(jump);
            self.note(format!("{jump:?} pass"));
        }
    }

    fn let_arrive(&mut self) {
        let number = self.dice.below(self.late.len());
        self.note(self.late.arrive(number, &self.world.bucket));
    }

    /// Chooses who is next among those that are not suspended; if all are, the suspensions end.
    fn choose<'w>(&mut self, wishes: &'w [(usize, Wish)]) -> &'w (usize, Wish) {
        let is_free = |suspended: &[u64], actor: usize, picks| suspended[actor] <= picks;
        let free: Vec<&(usize, Wish)> =
            wishes.iter().filter(|(actor, _)| is_free(&self.suspended, *actor, self.picks)).collect();
        if free.is_empty() {
            self.suspended.fill(0);
            return self.dice.pick(wishes);
        }
        let same = free.iter().find(|(actor, _)| *actor == self.last).copied();
        let stays = self.dice.happens(self.habits.stays);
        match same {
            Some(same) if stays => same,
            _ => free[self.dice.below(free.len())],
        }
    }

    /// Returns whether the actor is suspended instead of going on, for some time: above all when it is about
    /// to change something that others look at.
    fn suspends(&mut self, actor: usize, wish: &Wish) -> bool {
        let factor = match wish {
            Wish::Call(Method::Put, key) if key.starts_with("meta/") => 5,
            Wish::Call(Method::Delete, _) => 3,
            _ => 1,
        };
        let happens = self.dice.happens(self.habits.suspended * factor);
        if happens {
            let picks = self.dice.below(self.habits.suspended_for) as u64 + 1;
            self.suspended[actor] = self.picks + picks;
            self.note(format!("{actor} sleeps for {picks}"));
        }
        happens
    }

    fn judge(&mut self, actor: usize, wish: &Wish) -> Verdict {
        let Wish::Call(method, key) = wish else { return Verdict::Made };
        let Habits { crashes, lost, late, short, .. } = self.habits;
        if self.dice.happens(crashes) {
            return *self.dice.pick(&[Verdict::Crashed, Verdict::CrashedAfter, Verdict::CrashedLate]);
        }
        if self.dice.happens(lost) {
            return *self.dice.pick(&[Verdict::Failed, Verdict::AnswerLost]);
        }
        let changes = matches!(method, Method::Put | Method::Delete);
        if changes && self.dice.happens(late) {
            // An announcement that arrives a second time, after the snapshot was removed, is a run that is
            // pending for ever, or until a record waits for it: it does no harm, but it is not what the log
            // says.
            let is_announcement = key.starts_with(SNAPSHOTS_PREFIX);
            return if is_announcement { Verdict::AnswerLost } else { Verdict::Late };
        }
        if *method == Method::List && self.collectors.contains(&actor) && self.dice.happens(short) {
            return Verdict::Short(self.dice.next());
        }
        Verdict::Made
    }
}
