//! `doctor`: finds problems before a disaster.

mod archive;
mod bucket;
mod cache;
mod document;
pub mod facts;
mod finding;
mod keys;
mod local;
mod policy;
mod request;
mod run;
mod times;
mod trial;

pub use document::{DoctorDocument, Explanation, FindingDocument};
pub use finding::{Check, Finding, State};
pub use policy::{Policy, policy};
pub use request::Role;
pub use run::{DoctorReport, run};
