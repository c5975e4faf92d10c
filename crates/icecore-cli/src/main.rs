//! Arguments → typed request → engine → text or JSON; exit codes; hints; the binary `icecore`.
fn main() {}
