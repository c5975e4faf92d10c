//! Source to snapshot: change detection, pipeline, resumption, report.
//!
//! Architecture invariants: never writes to a source; a snapshot becomes complete last, after everything it refers to.
