//! Schedules of several runs that work on one repository at the same time, and a judge of what they leave.
//!
//! Every actor is a thread that runs the real code. It waits at each call of the store until the scheduler
//! gives it its turn, so one seed gives one order of all calls. `ICECORE_TESTS_SCHEDULES` sets the number of
//! schedules, and `ICECORE_TESTS_SCHEDULES_SEED` the first seed.

// `cfg(test)` is always set here; it tells clippy that these are tests, which may unwrap.
#[cfg(test)]
mod accidents;
#[cfg(test)]
mod beginning;
#[cfg(test)]
mod bucket;
#[cfg(test)]
mod care;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod dice;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod scheduler;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod turns;
#[cfg(test)]
mod world;
