//! Power failures between all operations of a local store: each write, sync, link and rename.
//!
//! The program runs unmodified on a mounted disk that records every change. For each change, the test then
//! creates every state that a power failure may leave, without the program, and examines it.

mod bench;
mod failures;
mod image;
mod mount;
mod power;
