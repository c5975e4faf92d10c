//! Remembers what this host has seen of a repository, and finds out whether snapshots or records were removed
//! from it.
//!
//! Architecture invariants: prints nothing and writes no sentences, because notices are values; reads no
//! environment variables, because the caller passes the state directory; only the search for losses depends
//! on its files.

mod findings;
mod notice;
mod recollection;
mod settings;
mod state;
mod state_files;
mod watch;

pub use findings::Findings;
pub use notice::{WitnessEvents, WitnessNotice};
pub use recollection::{Recollection, resident, settle};
pub use settings::WitnessSettings;
pub use state::Resident;
pub use state_files::StateFault;
pub use watch::{Arrival, Watch};
