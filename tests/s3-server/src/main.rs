//! Serves S3 from memory until it is killed: for benches and for experiments.
//!
//! Arguments: the port (zero: the system chooses), then optionally the speed of the link to it in MiB per
//! second (zero: no link), and the delay of each request in milliseconds. The bucket is `bucket`, the access
//! key `AKTEST`, the secret `SKTEST`. When the server is ready, it prints its URL.

use std::{
    io::{self, Write},
    time::Duration,
};

use s3_test_server::{ServerOptions, TestServer};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        || arguments.next().map(|text| text.parse::<u32>()).transpose().map_err(io::Error::other);
    let port = number()?.unwrap_or(0);
    let link_bytes_per_second =
        number()?.filter(|speed| *speed > 0).map(|mebibytes| u64::from(mebibytes) << 20);
    let delay = Duration::from_millis(number()?.unwrap_or(0).into());
    let port = u16::try_from(port).map_err(io::Error::other)?;
    let server = TestServer::start(&ServerOptions {
        port,
        link_bytes_per_second,
        delay,
        threads: 2,
        ..ServerOptions::default()
    })?;
    writeln!(io::stdout(), "{}", server.url())?;
    io::stdout().flush()?;
    server.wait();
    Ok(())
}
