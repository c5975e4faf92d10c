//! Turns: of all actors, only one runs at a time, from one call of the store to the next.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard},
    time::Duration,
};

use icecore_store::Method;

/// An actor computes for less than this between two calls; if it does not, it is stuck.
const PATIENCE: Duration = Duration::from_mins(2);

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is made.
    Made,
    /// It fails, without effect; another attempt may succeed.
    Failed,
    /// It is made, and its answer is lost.
    AnswerLost,
    /// Its answer is lost, and it has its effect later: the caller repeats it meanwhile.
    Late,
    /// A listing lacks its end; this number says how much.
    Short(u64),
    /// The command ended before the call.
    Crashed,
    /// The command ended after the call was made.
    CrashedAfter,
    /// The command ended, and the call, which was on its way, has its effect later.
    CrashedLate,
}

/// What an actor wants to do next.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// Begin a command.
    Begin(String),
    /// Call the store.
    Call(Method, String),
}

impl Wish {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Begin(command) => format!("begin {command}"),
            Self::Call(method, key) => format!("{} {key}", method.name()),
        }
    }
}

#[derive(Debug, Default)]
struct Actor {
    /// Wishes by their numbers, in the order in which they came up.
    waiting: VecDeque<(u64, Wish)>,
    granted: Vec<(u64, Verdict)>,
    /// Runs, and has not got to its next call.
    is_busy: bool,
    is_done: bool,
    /// Its command has ended: no call is made any more.
    has_crashed: bool,
}

#[derive(Debug)]
struct State {
    actors: Vec<Actor>,
    wishes: u64,
}

/// Who runs now, and who waits for what.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

impl Turns {
    /// Begins with this many actors, all of which run until they have a wish.
    pub(crate) fn new(actors: usize) -> Self {
        let busy = || Actor { is_busy: true, ..Actor::default() };
        let actors = (0..actors).map(|_| busy()).collect();
        Self { state: Mutex::new(State { actors, wishes: 0 }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until the actor may go on.
    pub(crate) fn ask(&self, actor: usize, wish: Wish) -> Verdict {
        let mut state = self.lock();
        if matches!(wish, Wish::Begin(_)) {
            state.actors[actor].has_crashed = false;
        } else if state.actors[actor].has_crashed {
            return Verdict::Crashed;
        }
        let number = state.wishes;
        state.wishes += 1;
        state.actors[actor].waiting.push_back((number, wish));
        state.actors[actor].is_busy = false;
        self.changed.notify_all();
        loop {
            let granted = &mut state.actors[actor].granted;
            if let Some(position) = granted.iter().position(|(of, _)| *of == number) {
                return granted.swap_remove(position).1;
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Returns whether the actor's command has ended before its time.
    pub(crate) fn has_crashed(&self, actor: usize) -> bool {
        self.lock().actors[actor].has_crashed
    }

    /// Ends an actor.
    pub(crate) fn end(&self, actor: usize) {
        let mut state = self.lock();
        state.actors[actor].is_done = true;
        self.changed.notify_all();
    }

    /// Waits until nobody runs; returns who wants what.
    pub(crate) fn wishes(&self) -> Vec<(usize, Wish)> {
        let mut state = self.lock();
        while state.actors.iter().any(|actor| !actor.is_done && actor.is_busy) {
            let (guard, timeout) = self.changed.wait_timeout(state, PATIENCE).unwrap();
            state = guard;
            assert!(!timeout.timed_out(), "an actor is stuck: {:?}", state.actors);
        }
        let actors = state.actors.iter().enumerate().filter(|(_, actor)| !actor.is_done);
        actors.map(|(number, actor)| (number, actor.waiting[0].1.clone())).collect()
    }

    /// Lets an actor go on.
    pub(crate) fn grant(&self, actor: usize, verdict: Verdict) {
        let mut state = self.lock();
        let found = &mut state.actors[actor];
        let (number, _) = found.waiting.pop_front().unwrap();
        found.granted.push((number, verdict));
        found.is_busy = true;
        found.has_crashed |=
            matches!(verdict, Verdict::Crashed | Verdict::CrashedAfter | Verdict::CrashedLate);
        if found.has_crashed {
            // Whatever else it was about to do does not happen, either.
            let rest: Vec<_> = found.waiting.drain(..).collect();
            found.granted.extend(rest.into_iter().map(|(number, _)| (number, Verdict::Crashed)));
        }
        self.changed.notify_all();
    }
}
