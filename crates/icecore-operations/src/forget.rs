//! `forget`: marks snapshots as deleted, by name or by rules of retention, and brings them back.

mod document;
mod items;
mod named;
mod reasons;
mod request;
mod run;
mod undo;

pub use document::{ForgetDocument, UndoDocument};
pub use reasons::{ReasonDocument, reasons};
pub use request::{ForgetChoice, ForgetRequest, UndoRequest};
pub use run::{ForgetAction, ForgetReport, ForgottenSnapshot, Why, run};
pub use undo::{Undone, undo};

#[cfg(test)]
mod tests;
