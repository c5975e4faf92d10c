//! A TCP proxy that cuts connections.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

use crate::server::listen;

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After this many bytes from the client.
    Upload(u64),
    /// After this many bytes from the server.
    Download(u64),
}

/// A proxy in front of a server that cuts some connections in the middle.
#[derive(Debug)]
pub struct CuttingProxy {
    address: SocketAddr,
    cuts: Arc<AtomicU64>,
    runtime: Option<Runtime>,
}

impl CuttingProxy {
    /// Starts a proxy in front of the server at `port`; if `choose` returns a cut for the number of a
    /// connection, the connection is cut there.
    pub fn start(port: u16, choose: impl Fn(u64) -> Option<Cut> + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = listen(&runtime, 0)?;
        let address = listener.local_addr()?;
        let cuts = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&cuts);
        runtime.spawn(async move {
            for number in 0.. {
                let Ok((client, _)) = listener.accept().await else { return };
                let (cut, counted) = (choose(number), Arc::clone(&counted));
                tokio::spawn(async move {
                    if let Ok(true) = pass(client, port, cut).await {
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Ok(Self { address, cuts, runtime: Some(runtime) })
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Passes bytes on in both directions; returns whether the connection was cut.
async fn pass(client: TcpStream, port: u16, cut: Option<Cut>) -> io::Result<bool> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let (upload, download) = match cut {
        Some(Cut::Upload(bytes)) => (bytes, u64::MAX),
        Some(Cut::Download(bytes)) => (u64::MAX, bytes),
        None => (u64::MAX, u64::MAX),
    };
    // When one direction ends, the other one ends with it: both halves of both connections are dropped.
    tokio::select! {
        is_cut = copy(client_read, server_write, upload) => is_cut,
        is_cut = copy(server_read, client_write, download) => is_cut,
    }
}

/// Copies up to `bytes_max` bytes; returns whether it ended because of this limit.
async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    bytes_max: u64,
) -> io::Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    let mut left = bytes_max;
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(false);
        }
        let allowed = (count as u64).min(left) as usize;
        to.write_all(&buffer[..allowed]).await?;
        left -= allowed as u64;
        if left == 0 {
            return Ok(true);
        }
    }
}
