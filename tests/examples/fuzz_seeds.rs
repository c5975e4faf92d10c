//! Writes the seeds of the fuzz targets: `cargo run -p icecore-tests --example fuzz_seeds DIRECTORY`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(directory) = std::env::args_os().nth(1) else { return Err("name a directory".into()) };
    icecore_tests::fuzzing::seeds::write(Path::new(&directory))
}
