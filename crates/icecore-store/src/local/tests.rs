use std::{
    collections::HashSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use super::*;
use crate::{conformance, store::StoreExt};

mod disk;
mod owner;
mod processes;

/// A store in a fresh directory, and the directory.
fn fresh() -> (LocalStore, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (LocalStore::open(directory.path()).unwrap(), directory)
}

/// Makes a store behave as on a file system without unnamed files.
fn without_unnamed_files(store: LocalStore) -> LocalStore {
    store.root.has_unnamed_files.store(false, Ordering::Relaxed);
    store
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn keys(objects: &[ObjectInfo]) -> Vec<&str> {
    objects.iter().map(|object| object.key.as_str()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms() {
    let (store, directory) = fresh();
    conformance::run(Arc::new(store.clone()), "conformance/1/").await.unwrap();
    conformance::run(Arc::new(store.clone()), "").await.unwrap();
    assert!(names(&directory.path().join("+tmp")).is_empty());
    conformance::run(Arc::new(without_unnamed_files(store)), "").await.unwrap();
    assert!(names(&directory.path().join("+tmp")).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms_in_memory_backed_file_systems() {
    let Ok(directory) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: no /dev/shm here");
        return;
    };
    let store = LocalStore::open(directory.path()).unwrap();
    conformance::run(Arc::new(store.clone()), "a/").await.unwrap();
    conformance::run(Arc::new(without_unnamed_files(store)), "b/").await.unwrap();
}

#[tokio::test]
async fn opening_needs_a_directory_and_creating_makes_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/c");
    let error = LocalStore::open(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("directory {} does not exist", path.display()));

    let store = LocalStore::create(&path).unwrap();
    for made in ["a", "a/b", "a/b/c"] {
        assert_eq!(mode(&directory.path().join(made)), 0o700, "{made}");
    }
    assert_eq!((store.location(), store.path()), (path.display().to_string(), path.clone()));
    store.create("icecore", Bytes::from_static(b"header")).await.unwrap();

    let again = LocalStore::create(&path).unwrap();
    assert_eq!(again.get("icecore", None).await.unwrap(), "header");

    let file = directory.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(LocalStore::open(&file), Err(StoreError::Unsupported { .. })));
    assert!(matches!(LocalStore::create(&file), Err(StoreError::Unsupported { .. })));
    assert!(LocalStore::create(&file.join("below")).is_err());
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn opening_does_not_write_and_foreign_files_stay() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    fs::write(directory.path().join("read me.txt"), "mine").unwrap();
    LocalStore::open(directory.path()).unwrap();
    let store = LocalStore::create(directory.path()).unwrap();
    assert!(store.list("").await.unwrap().is_empty());
    assert_eq!(names(directory.path()), ["lost+found", "read me.txt"]);
}

#[tokio::test]
async fn relative_paths_and_symbolic_links_lead_to_a_store() {
    let (_, directory) = fresh();
    let link = directory.path().join("link");
    fs::create_dir(directory.path().join("target")).unwrap();
    symlink("target", &link).unwrap();
    let store = LocalStore::open(&link).unwrap();
    store.create("a", Bytes::new()).await.unwrap();
    assert!(directory.path().join("target/a").is_file());
    assert!(LocalStore::open(Path::new(".")).unwrap().path().is_absolute());
}

#[tokio::test]
async fn files_are_private_and_read_only() {
    let (store, directory) = fresh();
    let version = store.create("meta/keys/a", Bytes::from_static(b"1")).await.unwrap();
    store.create("meta/keys/b", Bytes::from_static(b"1")).await.unwrap();
    store.replace("meta/keys/a", Bytes::from_static(b"2"), version).await.unwrap();
    let root = directory.path();
    for (name, expected) in [
        ("meta", 0o700),
        ("meta/keys", 0o700),
        ("+tmp", 0o700),
        ("meta/keys/a", 0o400),
        ("meta/keys/b", 0o400),
    ] {
        assert_eq!(mode(&root.join(name)), expected, "{name}");
    }
    assert_eq!(mode(&root.join("+lock")), 0o600);
    assert_eq!(fs::metadata(root.join("meta/keys/a")).unwrap().nlink(), 1);
    assert_eq!(names(root), ["+lock", "+tmp", "meta"]);
}

#[tokio::test]
async fn unnamed_files_are_used_where_there_are_any() {
    let (store, directory) = fresh();
    store.create("a/b", Bytes::from_static(b"1")).await.unwrap();
    if store.root.has_unnamed_files.load(Ordering::Relaxed) {
        assert_eq!(names(directory.path()), ["+lock", "a"]);
    } else {
        println!("skipped: no unnamed files here");
    }
}

#[tokio::test]
async fn the_time_of_modification_is_that_of_the_file_system_in_whole_seconds() {
    let (store, directory) = fresh();
    let probe = directory.path().join("+probe");
    fs::write(&probe, "").unwrap();
    let before = fs::metadata(&probe).unwrap().mtime().unsigned_abs();
    store.create("a", Bytes::from_static(b"1")).await.unwrap();
    fs::write(&probe, "1").unwrap();
    let after = fs::metadata(&probe).unwrap().mtime().unsigned_abs();
    let modified = store.head("a").await.unwrap().modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!((before..=after).contains(&modified.as_secs()));
    assert_eq!(modified.subsec_nanos(), 0);
}

#[tokio::test]
async fn versions_differ_although_inodes_come_back() {
    for directory in [tempfile::tempdir().ok(), tempfile::tempdir_in("/dev/shm").ok()].into_iter().flatten() {
        let store = LocalStore::open(directory.path()).unwrap();
        let (mut inodes, mut versions) = (HashSet::new(), HashSet::new());
        for round in 0..300 {
            let version = store.create("a", Bytes::from(format!("{round:08}"))).await.unwrap();
            inodes.insert(fs::metadata(directory.path().join("a")).unwrap().ino());
            assert!(versions.insert(version.clone()), "round {round}: {version:?} again");
            let replaced = store.replace("a", Bytes::from(format!("{round:08}")), version).await.unwrap();
            assert!(versions.insert(replaced.clone()), "round {round}: {replaced:?} again");
            store.delete("a", Some(replaced)).await.unwrap();
        }
        println!("{} inodes for {} versions", inodes.len(), versions.len());
    }
}

/// Checks that no version is repeated, even when inode numbers and seconds are.
async fn versions_never_come_back(store: &LocalStore, directory: &Path) {
    let (mut inodes, mut versions) = (HashSet::new(), HashSet::new());
    for round in 0..40 {
        let version = store.create("a", Bytes::from(format!("{round:08}"))).await.unwrap();
        assert!(versions.insert(version.clone()), "round {round}: {version:?} again");
        let replaced = store.replace("a", Bytes::from(format!("{round:08}")), version).await.unwrap();
        assert!(versions.insert(replaced.clone()), "round {round}: {replaced:?} again");
        inodes.insert(fs::metadata(directory.join("a")).unwrap().ino());
        store.delete("a", Some(replaced)).await.unwrap();
    }
    println!("{} inodes for {} versions", inodes.len(), versions.len());
}

#[tokio::test]
async fn versions_differ_where_times_are_whole_seconds() {
    let (store, directory) = fresh();
    store.root.granularity.set(granularity::Granularity::Coarse).unwrap();
    versions_never_come_back(&store, directory.path()).await;
    conformance::run(Arc::new(store), "").await.unwrap();
}

#[tokio::test]
async fn many_deletions_do_not_set_coarse_times_ahead() {
    let (store, directory) = fresh();
    store.root.granularity.set(granularity::Granularity::Coarse).unwrap();
    for number in 0..50 {
        store.create(&format!("a/{number}"), Bytes::new()).await.unwrap();
    }
    for number in 0..50 {
        store.delete(&format!("a/{number}"), None).await.unwrap();
    }
    store.create("b", Bytes::new()).await.unwrap();
    fs::write(directory.path().join("+now"), "").unwrap();
    let now = fs::metadata(directory.path().join("+now")).unwrap().mtime();
    let ahead = fs::metadata(directory.path().join("b")).unwrap().mtime() - now;
    assert!(ahead <= 4, "{ahead} seconds ahead");
}

#[tokio::test]
async fn the_generation_carries_into_the_seconds() {
    let (store, directory) = fresh();
    let version = store.create("a", Bytes::from_static(b"1")).await.unwrap();
    let lock = fs::File::options().write(true).open(directory.path().join("+lock")).unwrap();
    let before = SystemTime::UNIX_EPOCH + Duration::new(2_000_000_000, 999_999_999);
    lock.set_modified(before).unwrap();
    store.replace("a", Bytes::from_static(b"2"), version).await.unwrap();
    let after = lock.metadata().unwrap().modified().unwrap();
    assert_eq!(after, SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_001));
    store.create("b", Bytes::new()).await.unwrap();
    assert_eq!(fs::metadata(directory.path().join("b")).unwrap().mtime_nsec(), 0);
}

#[tokio::test]
async fn a_lost_lock_file_is_created_again() {
    let (store, directory) = fresh();
    let first = store.create("a", Bytes::from_static(b"1")).await.unwrap();
    fs::remove_file(directory.path().join("+lock")).unwrap();
    let second = store.replace("a", Bytes::from_static(b"1"), first.clone()).await.unwrap();
    assert_ne!(first, second, "the new lock file goes on counting");
    assert_eq!(names(directory.path()), ["+lock", "+tmp", "a"]);
    fs::remove_file(directory.path().join("+lock")).unwrap();
    let stale = store.delete("a", Some(first)).await;
    assert!(matches!(stale, Err(StoreError::VersionMismatch { .. })), "{stale:?}");
    store.delete("a", Some(second)).await.unwrap();
    assert_eq!(names(directory.path()), ["+lock", "+tmp"]);
}

#[tokio::test]
async fn changes_of_owner_and_mode_leave_the_version() {
    let (store, directory) = fresh();
    let version = store.create("a", Bytes::from_static(b"1")).await.unwrap();
    fs::set_permissions(directory.path().join("a"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(directory.path().join("a"), directory.path().join("+link")).unwrap();
    store.replace("a", Bytes::from_static(b"2"), version).await.unwrap();
}

#[tokio::test]
async fn what_is_no_object_is_a_clear_error() {
    let (store, directory) = fresh();
    let root = directory.path();
    let version = store.create("directory/object", Bytes::from_static(b"1")).await.unwrap();
    fs::write(root.join("+target"), "secret").unwrap();
    symlink("+target", root.join("link")).unwrap();
    symlink("directory", root.join("linked-directory")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let inside = ["linked-directory/object", "directory/object/below"];
    for key in ["directory", "link", "linked-directory", "pipe", "socket"].into_iter().chain(inside) {
        let refused = |result: StoreResult<()>| match result {
            Err(StoreError::NotAnObject { .. }) => {}
            other => panic!("{key}: {other:?}"),
        };
        refused(store.get(key, None).await.map(drop));
        refused(store.get_versioned(key).await.map(drop));
        refused(store.head(key).await.map(drop));
        refused(store.create(key, Bytes::from_static(b"x")).await.map(drop));
        refused(store.replace(key, Bytes::from_static(b"x"), version.clone()).await.map(drop));
        refused(store.delete(key, None).await);
    }
    assert_eq!(keys(&store.list("").await.unwrap()), ["directory/object"], "links are not followed");
    assert!(matches!(store.list("linked-directory/").await, Err(StoreError::NotAnObject { .. })));
    assert_eq!(keys(&store.list("directory/").await.unwrap()), ["directory/object"]);
    assert_eq!(fs::read(root.join("+target")).unwrap(), b"secret");
}

#[tokio::test]
async fn a_list_leaves_out_what_is_no_key_and_walks_only_below_its_prefix() {
    let (store, directory) = fresh();
    let root = directory.path();
    store.create("data/g/1", Bytes::from_static(b"1")).await.unwrap();
    store.create("meta/a", Bytes::from_static(b"12")).await.unwrap();
    fs::create_dir(root.join("+tmp")).unwrap();
    fs::write(root.join("+tmp/put-1-1"), "").unwrap();
    fs::write(root.join("data/g/1~"), "").unwrap();
    fs::write(root.join("data/g/.nfs00000000deadbeef00000001"), "").unwrap();
    fs::create_dir_all(root.join("data/my files")).unwrap();
    fs::write(root.join("data/my files/x"), "").unwrap();
    fs::write(std::ffi::OsStr::to_owned(root.join("data").as_os_str()).into_string().unwrap() + "/ä", "")
        .unwrap();
    fs::create_dir_all(root.join("data/empty/deeper")).unwrap();
    symlink("nowhere", root.join("meta/link")).unwrap();
    symlink("1", root.join("data/g/2")).unwrap();
    let objects = store.list("data/").await.unwrap();
    assert_eq!(keys(&objects), ["data/g/1"]);
    assert_eq!(objects[0], store.head("data/g/1").await.unwrap());
    assert!(store.list("data/empty/").await.unwrap().is_empty());
    assert!(store.list("none/at/all/").await.unwrap().is_empty());
}

#[tokio::test]
async fn twenty_thousand_objects_are_listed_in_order() {
    let (store, directory) = fresh();
    let mut expected = Vec::new();
    for number in 0..20_000 {
        let key = format!("data/{}/{number}", number % 40);
        let path = directory.path().join(&key);
        if number < 40 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        fs::File::create(path).unwrap();
        expected.push(key);
    }
    expected.sort();
    assert_eq!(keys(&store.list("").await.unwrap()), expected);
}

#[tokio::test]
async fn leftovers_older_than_a_day_are_removed_and_nothing_else() {
    let (store, directory) = fresh();
    let temporary = directory.path().join("+tmp");
    fs::create_dir_all(temporary.join("put-directory")).unwrap();
    store.create("a", Bytes::from_static(b"1")).await.unwrap();
    let now = fs::metadata(directory.path().join("a")).unwrap().modified().unwrap();
    let old = now - Duration::from_secs(24 * 60 * 60 + 10);
    for (name, modified) in
        [("put-1-1", old), ("put-1-2", now), ("put-1-3", now - Duration::from_hours(23)), ("other", old)]
    {
        let file = fs::File::create(temporary.join(name)).unwrap();
        file.set_modified(modified).unwrap();
    }
    symlink("other", temporary.join("put-link")).unwrap();
    fs::File::options().write(true).open(directory.path().join("a")).unwrap().set_modified(old).unwrap();
    LocalStore::open(directory.path()).unwrap();
    assert_eq!(names(&temporary), ["other", "put-1-2", "put-1-3", "put-directory", "put-link"]);
    assert_eq!(store.get("a", None).await.unwrap(), "1");
}

#[tokio::test]
async fn a_name_left_by_a_killed_process_of_the_same_id_is_passed_over() {
    let (store, directory) = fresh();
    let store = without_unnamed_files(store);
    let temporary = directory.path().join("+tmp");
    fs::create_dir(&temporary).unwrap();
    let process = std::process::id();
    for number in 0..2_000 {
        fs::File::create(temporary.join(format!("put-{process}-{number}"))).unwrap();
    }
    store.create("a", Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(names(&temporary).len(), 2_000);
}

#[tokio::test]
async fn a_losing_creation_leaves_no_trace() {
    let (store, directory) = fresh();
    let store = without_unnamed_files(store);
    store.create("a", Bytes::from_static(b"1")).await.unwrap();
    assert!(matches!(
        store.create("a", Bytes::from_static(b"2")).await,
        Err(StoreError::AlreadyExists { .. })
    ));
    assert!(names(&directory.path().join("+tmp")).is_empty());
    let wrong = Version("wrong".to_owned());
    assert!(store.replace("a", Bytes::from_static(b"2"), wrong.clone()).await.is_err());
    assert!(store.replace("b/c", Bytes::from_static(b"2"), wrong).await.is_err());
    assert_eq!(names(directory.path()), ["+lock", "+tmp", "a"]);
}

#[tokio::test]
async fn a_directory_that_was_removed_is_made_again() {
    let (store, directory) = fresh();
    store.create("data/g/1", Bytes::new()).await.unwrap();
    fs::remove_dir_all(directory.path().join("data")).unwrap();
    store.create("data/g/1", Bytes::new()).await.unwrap();
    assert!(store.exists("data/g/1").await.unwrap());
}

#[test]
fn the_store_works_on_a_runtime_without_threads_of_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (store, _directory) = fresh();
    runtime.block_on(async {
        store.create("a", Bytes::from_static(b"0123")).await.unwrap();
        assert_eq!(store.get("a", Some(1..3)).await.unwrap(), "12");
    });
}

#[tokio::test]
async fn a_probe_tries_everything_and_leaves_nothing() {
    let (store, directory) = fresh();
    store.create("a", Bytes::from_static(b"mine")).await.unwrap();
    store.probe(7).await.unwrap();
    without_unnamed_files(store.clone()).probe(7).await.unwrap();
    assert_eq!(names(directory.path()), ["+lock", "+tmp", "a"]);
    // Not even an object that another probe left behind is mistaken for its own.
    store.create("probe-0000000000000009", Bytes::from_static(b"other")).await.unwrap();
    assert!(matches!(store.probe(9).await, Err(StoreError::AlreadyExists { .. })));
    assert!(store.exists("probe-0000000000000009").await.unwrap());
}

#[tokio::test]
async fn where_nothing_can_be_linked_whoever_creates_holds_the_lock() {
    let (store, directory) = fresh();
    let store = without_unnamed_files(store);
    let put = |bytes: &[u8]| {
        let (root, call) = (&store.root, failure::Call { operation: "put", key: "meta/a" });
        let (directory, name) = root.make_parent(call)?;
        let temporary = temporary::Temporary::write(root, &directory, bytes, false, call)?;
        write::publish_locked(root, temporary, &directory, name, call)
    };
    put(b"one").unwrap();
    assert!(matches!(put(b"two"), Err(StoreError::AlreadyExists { .. })));
    assert_eq!(store.get("meta/a", None).await.unwrap(), "one");
    assert!(names(&directory.path().join("+tmp")).is_empty());
}

/// Who lists the log and the snapshots at once relies on this: a snapshot that the log names is in the
/// listing.
#[tokio::test]
async fn directories_are_listed_in_the_order_of_their_names() {
    let (store, _directory) = fresh();
    let names: Vec<String> = (0..50).map(|number| format!("meta/{}/x", (number * 37) % 50 + 10)).collect();
    for name in &names {
        store.create(name, Bytes::from_static(b"1")).await.unwrap();
    }
    let read = read::read_tree(&store.root, "meta/").unwrap().objects;
    assert!(read.len() == 50 && read.is_sorted_by_key(|object| object.key.clone()), "{read:?}");
}
