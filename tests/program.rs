//! The program itself, built together with the tests of the whole system, so that these tests need no
//! separate build.

fn main() -> std::process::ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    icecore_cli::restart_if_memory_is_limited(&words);
    icecore_cli::run(&words)
}
