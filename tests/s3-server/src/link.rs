//! A link of limited speed between server and clients, for benches; all connections share it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

/// Maximum number of bytes that one connection moves at a time, so that connections share the link.
const PIECE_BYTES_MAX: usize = 64 << 10;
/// Maximum number of bytes that are read at a time; they are on the stack meanwhile.
const READ_BYTES_MAX: usize = 16 << 10;

/// A link with the same speed in both directions.
#[derive(Debug)]
pub(crate) struct Link {
    bytes_per_second: f64,
    /// When all previous bytes have passed, by direction.
    free_at: [Mutex<Instant>; 2],
}

impl Link {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        let now = Instant::now();
        Self { bytes_per_second: bytes_per_second as f64, free_at: [Mutex::new(now), Mutex::new(now)] }
    }

    /// Occupies the link for some bytes; returns when they have passed.
    fn occupy(&self, direction: usize, bytes: usize) -> Instant {
        let mut free_at = self.free_at[direction].lock().unwrap_or_else(PoisonError::into_inner);
        *free_at =
            (*free_at).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        *free_at
    }
}

/// A connection, with or without a link.
pub(crate) struct Linked {
    stream: TcpStream,
    link: Option<Arc<Link>>,
    waits: [Option<Pin<Box<Sleep>>>; 2],
}

impl Linked {
    pub(crate) fn new(stream: TcpStream, link: Option<Arc<Link>>) -> Self {
        Self { stream, link, waits: [None, None] }
    }

    /// Waits until all previous bytes have passed.
    fn poll_wait(&mut self, direction: usize, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.waits[direction] {
            ready!(wait.as_mut().poll(context));
            self.waits[direction] = None;
        }
        Poll::Ready(())
    }

    fn moved(&mut self, direction: usize, bytes: usize) {
        if let Some(link) = &self.link {
            let passed = link.occupy(direction, bytes);
            self.waits[direction] = Some(Box::pin(tokio::time::sleep_until(passed)));
        }
    }
}

impl AsyncRead for Linked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.link.is_none() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        ready!(self.poll_wait(0, context));
        let mut piece = [0; READ_BYTES_MAX];
        let room = buffer.remaining().min(READ_BYTES_MAX);
        let mut piece = ReadBuf::new(&mut piece[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        buffer.put_slice(piece.filled());
        self.moved(0, piece.filled().len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Linked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.link.is_none() {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        ready!(self.poll_wait(1, context));
        let piece = &bytes[..bytes.len().min(PIECE_BYTES_MAX)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, piece))?;
        self.moved(1, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
