//! Several processes on one store. The test program starts itself again with one of the tests that are
//! ignored otherwise; the child's working directory is the store.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use super::*;

/// File that shows a child that a test started it, and not a user who also runs the ignored tests.
const MARK: &str = "+child";
const INCREMENTS: u64 = 40;

/// Starts the test `name` of this file as a separate process, in the directory of `store`.
fn start(store: &LocalStore, name: &str) -> Child {
    fs::write(store.path().join(MARK), "").unwrap();
    let program = std::env::current_exe().unwrap();
    let test = format!("local::tests::processes::{name}");
    let mut command = Command::new(program);
    command.args([&test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.current_dir(store.path()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Opens the store of a child, or returns nothing if this process is not a child.
fn store_of_child() -> Option<LocalStore> {
    Path::new(MARK).exists().then(|| LocalStore::open(Path::new(".")).unwrap())
}

fn body(number: usize) -> Bytes {
    Bytes::from(format!("{number:08}").repeat(64 << 10))
}

async fn write_for_ever(store: LocalStore) {
    for number in 0.. {
        store.create(&format!("data/{number}"), body(number)).await.unwrap();
        println!("written");
    }
}

#[tokio::test]
#[ignore = "runs as a process of its own, started by another test"]
async fn child_writes_until_it_is_killed() {
    if let Some(store) = store_of_child() {
        write_for_ever(store).await;
    }
}

#[tokio::test]
#[ignore = "runs as a process of its own, started by another test"]
async fn child_writes_named_files_until_it_is_killed() {
    if let Some(store) = store_of_child() {
        write_for_ever(without_unnamed_files(store)).await;
    }
}

#[tokio::test]
#[ignore = "runs as a process of its own, started by another test"]
async fn child_increments() {
    let Some(store) = store_of_child() else { return };
    for _ in 0..INCREMENTS {
        loop {
            let (bytes, version) = store.get_versioned("counter").await.unwrap();
            let count: u64 = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            match store.replace("counter", Bytes::from((count + 1).to_string()), version).await {
                Ok(_) => break,
                Err(StoreError::VersionMismatch { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

async fn kill_a_writer(child: &str) {
    let (store, _directory) = fresh();
    let mut child = start(&store, child);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let written = lines.map_while(Result::ok).filter(|line| line.contains("written")).take(5).count();
    // The child is somewhere in its next put.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(written, 5);

    let store = LocalStore::open(&store.path()).unwrap();
    let objects = store.list("").await.unwrap();
    assert!(objects.len() >= 5);
    for object in &objects {
        let number = object.key.strip_prefix("data/").unwrap().parse().unwrap();
        assert_eq!(store.get(&object.key, None).await.unwrap(), body(number), "{}", object.key);
    }
    let next = format!("data/{}", objects.len());
    store.create(&next, body(objects.len())).await.unwrap();
}

#[tokio::test]
async fn a_killed_writer_leaves_no_half_object() {
    for _ in 0..3 {
        kill_a_writer("child_writes_until_it_is_killed").await;
        kill_a_writer("child_writes_named_files_until_it_is_killed").await;
    }
}

#[tokio::test]
async fn processes_lose_no_update_of_each_other() {
    let (store, _directory) = fresh();
    store.create("counter", Bytes::from_static(b"0")).await.unwrap();
    let children: Vec<_> = (0..3).map(|_| start(&store, "child_increments")).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(store.get("counter", None).await.unwrap(), (3 * INCREMENTS).to_string());
}
