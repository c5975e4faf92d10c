//! Sends objects to a bucket and fetches them again, and does nothing else: the upper limit for a backup and
//! a restore over the same link.
//!
//!     cargo run --release --package icecore-aws --example bare_transfer URL BUCKET BYTES OBJECTS CONCURRENCY
//!
//! Prints seconds for sending, then for fetching. Credentials come from the environment.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_aws::{S3Options, S3Store};
use icecore_store::{Environment, Store, StoreExt};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, bucket, bytes, objects, concurrency] = arguments.as_slice() else {
        return Err("arguments: URL BUCKET BYTES OBJECTS CONCURRENCY".into());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let transfer = transfer(url, bucket, bytes.parse()?, objects.parse()?, concurrency.parse()?);
    let [sent, fetched] = runtime.block_on(transfer)?;
    io::Write::write_all(
        &mut io::stdout(),
        format!("{:.3} {:.3}\n", sent.as_secs_f64(), fetched.as_secs_f64()).as_bytes(),
    )?;
    Ok(())
}

async fn transfer(
    url: &str,
    bucket: &str,
    bytes: usize,
    objects: usize,
    concurrency: usize,
) -> Result<[Duration; 2], Failure> {
    let environment = Environment::system();
    let clock = std::sync::Arc::clone(&environment.clock);
    let mut content = vec![0; bytes];
    environment.entropy.fill(&mut content);
    let content = Bytes::from(content);
    let options = S3Options { endpoint_url: Some(url.to_owned()), ..S3Options::new(bucket, "bare") };
    let store = S3Store::open(options, environment).await;
    let keys: Vec<String> = (0..objects).map(|object| format!("data/{object}")).collect();
    let started = clock.monotonic();
    let puts = keys.iter().map(|key| store.create(key, content.clone()));
    stream::iter(puts).buffer_unordered(concurrency).try_for_each(|_| async { Ok(()) }).await?;
    let sent = clock.monotonic();
    let gets = keys.iter().map(|key| store.get(key, None));
    stream::iter(gets).buffer_unordered(concurrency).try_for_each(|_| async { Ok(()) }).await?;
    let fetched = clock.monotonic();
    for key in &keys {
        store.delete(key, None).await?;
    }
    Ok([sent.saturating_sub(started), fetched.saturating_sub(sent)])
}
