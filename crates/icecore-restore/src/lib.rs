//! Plans (which blocks of which packs into which files) and executes restores, resumably.
//!
//! Architecture invariants: never writes outside the target, whatever a snapshot says; one bad file never stops the
//! others; what is already right in the target is not fetched again.
