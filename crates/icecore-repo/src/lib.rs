//! Opens and unlocks a repository; reads chunks; write session: dedup, block and pack assembly, upload, commit order.
//!
//! Architecture invariants: never deletes an object; never touches a source or a restore target; what it reads is
//! authenticated before it is used, and every chunk's id is verified.
