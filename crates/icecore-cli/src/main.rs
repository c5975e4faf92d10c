//! The binary `icecore`; all code is in the library beside it, so that other programs and the fuzz targets
//! can use it.

fn main() -> std::process::ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    icecore_cli::restart_if_memory_is_limited(&words);
    icecore_cli::run(&words)
}
