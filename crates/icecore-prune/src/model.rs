//! The protocol of collections as a model, whose schedules `stateright` searches.
//!
//! [`store`] has the objects, [`writer`], [`undo`], [`reader`] and [`collector`] the actors, each with one
//! change of the store in each step. [`world`] puts them together, [`properties`] has what must hold, and
//! [`scenarios`] the small repositories that schedules begin with. An actor that stops for ever, or that
//! wakes up late, needs nothing of its own: the checker tries all orders of steps. [`rules`] can be left out
//! one at a time.

mod alone;
mod collector;
mod config;
mod look;
mod properties;
mod reader;
mod records;
mod rules;
mod scenarios;
mod set;
mod store;
mod tests;
mod undo;
mod world;
mod writer;
