//! Shows what the libraries tell: warnings always, the rest when asked for.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::surface::console::{Console, Verbosity};

/// Starts showing events on standard error.
pub(crate) fn start(console: &Arc<Console>) {
    let filter = match console.verbosity {
        Verbosity::Quiet => "error",
        // What aws-config warns of, the failing request says again, in our words.
        Verbosity::Normal => "warn,aws_config=error",
        // By its prefix, the target names all crates of ours.
        Verbosity::Verbose => "warn,aws_config=error,icecore=info",
        Verbosity::Debug => "debug",
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(io::stderr().is_terminal())
        .with_target(console.verbosity == Verbosity::Debug)
        .with_writer(ConsoleWriter(Arc::clone(console)));
    let started = match console.verbosity {
        Verbosity::Debug => tracing::subscriber::set_global_default(subscriber.finish()),
        _ => tracing::subscriber::set_global_default(subscriber.without_time().finish()),
    };
    // Only a second start in one process could fail.
    started.unwrap_or_default();
}

struct ConsoleWriter(Arc<Console>);

impl<'a> MakeWriter<'a> for ConsoleWriter {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter { console: &self.0, line: Vec::new() }
    }
}

/// Collects one event, so that it appears in one piece and not amid a progress bar.
struct LineWriter<'a> {
    console: &'a Console,
    line: Vec<u8>,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter<'_> {
    fn drop(&mut self) {
        self.console.write_error(&self.line);
    }
}
