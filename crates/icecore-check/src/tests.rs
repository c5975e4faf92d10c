//! Whole checks of small repositories that are built with the format's own builders, healthy and damaged.

mod archived;
mod builder;
mod collections;
mod damage;
mod healthy;
mod log;
mod mending;
mod parents;
mod repair;
mod running;
mod structure;
