//! Backs a directory up into a local repository with a throw-away key and prints what it took: `backup_tree SOURCE REPOSITORY`.
#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, reason = "a hand tool for timing")]

use std::{path::PathBuf, sync::Arc};

use icecore_backup::request::*;
use icecore_format::{header::Parameters, ids::{RepositoryId, RunId}, keys::Secret, node::Totals, slot::*, snapshot::Level};
use icecore_fs::excludes::Excludes;
use icecore_repo::{environment::Environment, repository::{CreateOptions, Repository}, session::WriteOptions};
use icecore_store::{environment::{SystemClock, SystemEntropy}, local::LocalStore, store::Store};

struct Quiet;
impl BackupEvents for Quiet {
    fn started(&self, _: Level, _: Option<RunId>, _: Option<Totals>) {}
    fn progress(&self, _: &BackupProgress) {}
    fn problem(&self, problem: &SourceProblem) { println!("{problem:?}"); }
    fn notice(&self, notice: &BackupNotice) { println!("{notice:?}"); }
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let (source, target) = (PathBuf::from(arguments.next().unwrap()), PathBuf::from(arguments.next().unwrap()));
    let level = arguments.next().map_or(1, |n| n.to_string_lossy().parse::<i32>().unwrap());
    icecore_fs::raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let environment = Environment {
        clock: Arc::new(SystemClock::default()),
        entropy: Arc::new(SystemEntropy),
        runtime: runtime.handle().clone(),
        workers: Arc::new(rayon::ThreadPoolBuilder::new().build().unwrap()),
        cancelled: Arc::default(),
    };
    let store: Arc<dyn Store> = Arc::new(LocalStore::create(&target).unwrap());
    let credential = Credential::KeyFile(Secret::new([7; 32]));
    let options = CreateOptions { parameters: Parameters::default(), credential: credential.clone(), cost: PasswordCost::default(), label: String::new(), program: "example".into() };
    let repository = Repository::unlock(Arc::clone(&store), environment.clone(), &[credential]).or_else(|_| Repository::create(store, environment, RepositoryId([1; 16]), &options)).unwrap();
    let (catalog, _) = icecore_catalog::Catalog::open(&target.with_extension("cache"), repository.id()).unwrap();
    let request = BackupRequest {
        source: BackupSource::Tree { path: source }, name: "s".into(), host: "h".into(), level: Level::Incremental, dedup: None,
        tags: Default::default(), program: "example".into(), excludes: Excludes::none(), exclude_caches: false, one_file_system: false,
        skip: Vec::new(), walk_concurrency: 2, read_concurrency: 4,
        write: WriteOptions { compression_level: level, verify: std::env::var_os("NOVERIFY").is_none(), ..WriteOptions::default() }, dry_run: false,
    };
    let (report, _) = icecore_backup::backup(&repository, catalog, request, &Quiet).unwrap();
    println!("{:?} {:?} read {:?} total {:?}", report.counts, report.totals, report.duration_read, report.duration);
}
