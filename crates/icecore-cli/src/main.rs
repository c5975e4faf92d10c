//! The binary `icecore`; everything is in the library beside it, where other programs and the fuzz targets
//! reach it too.

fn main() -> std::process::ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    icecore_cli::restart_if_memory_is_limited(&words);
    icecore_cli::run(&words)
}
