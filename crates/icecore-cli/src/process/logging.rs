//! Shows events of the libraries: warnings always, others on request.

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
        // The failing request repeats the warnings of aws-config in our words.
        Verbosity::Normal => "warn,aws_config=error",
        // This prefix matches all our crates.
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
    // Only a second start in the same process could fail.
    started.unwrap_or_default();
}

struct ConsoleWriter(Arc<Console>);

impl<'a> MakeWriter<'a> for ConsoleWriter {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter { console: &self.0, line: Vec::new() }
    }
}

/// Collects one event, so that it appears in one piece and not inside of a progress bar.
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
