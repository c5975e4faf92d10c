use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use icecore_store::{
    StoreError, StoreExt, conformance,
    environment::{InstantSleep, ManualClock, Sleep, SystemEntropy},
    retry::RetryPolicy,
};
use s3_test_server::{Fault, FaultRule, ServerOptions, TestServer};

use super::*;
use crate::{
    action::Action,
    failure::ServiceFailure,
    options::{Credentials, Encryption, Parts, StorageClassName},
    probe::{probe_conditions, require_conditions},
    requester::repetition::UNREACHED_ATTEMPTS_MAX,
    usage::RequestClass,
};

mod accounting;
mod addresses;
mod certificates;
mod conditions;
mod connections;
mod failures;
mod foreign;
mod objects;
mod trial;
mod weather;

/// A server, and everything that a store on it needs; waits end at once.
struct Bed {
    server: TestServer,
    sleep: Arc<InstantSleep>,
    environment: Environment,
}

impl Bed {
    fn new() -> Self {
        Self::with(&ServerOptions::default())
    }

    fn with(options: &ServerOptions) -> Self {
        let server = TestServer::start(options).unwrap();
        let clock = Arc::new(ManualClock::default());
        let sleep = Arc::new(InstantSleep::advancing(Arc::clone(&clock)));
        let environment = Environment {
            clock,
            entropy: Arc::new(SystemEntropy),
            sleep: Arc::clone(&sleep) as Arc<dyn Sleep>,
        };
        Self { server, sleep, environment }
    }

    fn options(&self) -> S3Options {
        S3Options {
            endpoint_url: Some(self.server.url()),
            region: Some("us-east-1".to_owned()),
            credentials: Credentials::Static {
                access_key_id: "AKTEST".to_owned(),
                secret_access_key: "SKTEST".to_owned(),
            },
            parts: Parts::Always,
            ..S3Options::new("bucket", "some/prefix")
        }
    }

    async fn store(&self) -> S3Store {
        self.store_with(self.options()).await
    }

    async fn store_with(&self, options: S3Options) -> S3Store {
        S3Store::open(options, self.environment.clone()).await
    }

    fn inject(&self, method: &'static str, contains: &str, times: u64, fault: Fault) {
        self.server.inject(FaultRule::new(method, contains, times, fault));
    }

    /// Returns how many requests of a method were made for paths or queries that contain a text.
    fn requests(&self, method: &str, contains: &str) -> usize {
        let requests = self.server.requests();
        let is_meant = |text: &str| text.contains(contains);
        requests
            .iter()
            .filter(|line| line.method == method && (is_meant(&line.path) || is_meant(&line.query)))
            .count()
    }
}

fn pattern(length: usize) -> Bytes {
    (0..=length as u64 / 8)
        .flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
        .take(length)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let bed = Bed::new();
    conformance::run(Arc::new(bed.store().await), "conformance/").await.unwrap();
    assert_eq!(bed.server.keys("bucket"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_in_parts_in_the_whole_bucket_and_in_pages_of_seven() {
    let bed = Bed::with(&ServerOptions { page_keys_max: 7, ..ServerOptions::default() });
    let mut options = S3Options { multipart_above_bytes: 6 << 20, part_bytes_min: 5 << 20, ..bed.options() };
    options.prefix = String::new();
    conformance::run(Arc::new(bed.store_with(options).await), "data/conformance/").await.unwrap();
    assert_eq!(bed.server.open_uploads("bucket"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_a_server_that_knows_no_checksums() {
    let bed =
        Bed::with(&ServerOptions { has_checksums: false, has_md5_etags: true, ..ServerOptions::default() });
    conformance::run(Arc::new(bed.store().await), "conformance/").await.unwrap();
}

/// Needs a server that somebody has started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the variables are for the tests themselves")]
async fn conforms_on_the_server_that_the_environment_names() {
    let Ok(url) = std::env::var("ICECORE_TESTS_S3_URL") else {
        println!("SKIPPED: ICECORE_TESTS_S3_URL names no server");
        return;
    };
    let place =
        std::env::var("ICECORE_TESTS_S3_REPOSITORY").expect("ICECORE_TESTS_S3_REPOSITORY is the place in it");
    let (bucket, prefix) = place.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let environment = Environment::system();
    let mut random = [0; 8];
    environment.entropy.fill(&mut random);
    // The largest object of the suite is uploaded in parts, all others as a whole.
    let options = S3Options {
        endpoint_url: Some(url),
        multipart_above_bytes: 6 << 20,
        part_bytes_min: 5 << 20,
        ..S3Options::new(bucket, format!("{prefix}-conformance"))
    };
    let store = Arc::new(S3Store::open(options, environment).await);
    require_conditions(&store).await.unwrap();
    let prefix = format!("data/{}/", crate::checksum::hex(&random));
    conformance::run(store, &prefix).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_under_faults_of_every_kind() {
    let bed = Bed::new();
    for skip in 0..60 {
        let faults = [
            Fault::slow_down(),
            Fault::error(500, "InternalError"),
            Fault::Reset,
            Fault::LostReply,
            Fault::error(409, "ConditionalRequestConflict"),
        ];
        let fault = faults[skip as usize % faults.len()].clone();
        bed.server.inject(FaultRule { skip: skip * 7, ..FaultRule::new("", "conformance", 1, fault) });
    }
    bed.server
        .inject(FaultRule { skip: 2, ..FaultRule::new("GET", "create/large", 1, Fault::CutBody(3 << 20)) });
    conformance::run(Arc::new(bed.store().await), "conformance/").await.unwrap();
    assert!(bed.sleep.recorded().len() > 50, "most of the faults were met");
}
