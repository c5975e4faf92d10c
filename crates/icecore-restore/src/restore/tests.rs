//! Whole restores from a repository in memory.

mod archived;
mod damage;
mod exact;
mod existing;
mod kept;
mod kinds;
mod partial;
mod random;
mod since;
