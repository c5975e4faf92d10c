//! Decides which packs nothing needs, and removes them beside running backups: collections, their protocol and
//! its model.
//!
//! Architecture invariants: only this crate deletes packs because nothing needs them (a repair deletes what it
//! has put into quarantine); it deletes nothing that is not named in a record which every writer obeys; no
//! decision to delete depends on a clock, on the catalogue, or on what another host says that it proved.

#[cfg(test)]
mod model;
