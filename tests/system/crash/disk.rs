//! Power failures under the program, between all that a local store does: each write, sync, link and rename.
//!
//! The program runs as it is, on a mounted disk that notes every change. Whatever a failure may leave after
//! each of the changes is then made real, without the program, and looked at.

mod bench;
mod failures;
mod image;
mod mount;
mod power;
