//! A small disk for each test, which can be full or read-only; needs the right to mount, else the tests are
//! skipped.

use std::process::Command;

use super::*;

/// A file system of 1 MiB that is unmounted at the end.
struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    fn mount() -> Option<Self> {
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        let options = ["-t", "tmpfs", "-o", "size=1m,mode=700", "none"];
        if is_successful(Command::new("mount").args(options).arg(disk.directory.path())) {
            return Some(disk);
        }
        println!("skipped: no right to mount a file system here");
        None
    }

    /// Mounts an ext4 file system of 16 MiB, whose image lies in `holder`. If it is `coarse`, its inodes have
    /// 128 bytes, which leaves no room for fractions of seconds.
    fn mount_ext4(holder: &Path, coarse: bool) -> Option<Self> {
        let image = holder.join("image");
        fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        let inode_bytes = if coarse { "128" } else { "256" };
        if is_successful(Command::new("mkfs.ext4").args(["-q", "-m", "0", "-I", inode_bytes]).arg(&image))
            && is_successful(
                Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.directory.path()),
            )
        {
            return Some(disk);
        }
        println!("skipped: no mkfs.ext4, or no right to mount a file system here");
        None
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn make_read_only(&self) {
        assert!(is_successful(Command::new("mount").args(["-o", "remount,ro"]).arg(self.path())));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a store may hold the directory open. Fails if nothing was mounted, which is fine.
        is_successful(Command::new("umount").arg("-l").arg(self.path()));
    }
}

fn is_successful(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn refused_for_space<T: fmt::Debug>(result: &StoreResult<T>) {
    assert!(matches!(result, Err(StoreError::NoSpace { .. })), "{result:?}");
}

async fn fill_and_free(store: LocalStore, disk: &Disk) {
    let small = Bytes::from(vec![1; 4 << 10]);
    let large = Bytes::from(vec![1; 2 << 20]);
    let version = store.create("meta/a", small.clone()).await.unwrap();

    refused_for_space(&store.create("data/large", large.clone()).await);
    refused_for_space(&store.replace("meta/a", large, version.clone()).await);
    assert_eq!(keys(&store.list("").await.unwrap()), ["meta/a"]);
    assert!(names(&disk.path().join("+tmp")).is_empty());

    let mut filled = 0;
    let last = loop {
        let result = store.create(&format!("data/{filled}"), small.clone()).await;
        if result.is_err() {
            break result;
        }
        filled += 1;
    };
    refused_for_space(&last);
    assert!(filled > 100, "{filled}");
    refused_for_space(&store.replace("meta/a", small.clone(), version.clone()).await);
    assert_eq!(store.get_versioned("meta/a").await.unwrap(), (small.clone(), version.clone()));

    // Freeing space must need none.
    store.delete("data/0", None).await.unwrap();
    store.delete("data/1", None).await.unwrap();
    let new = store.replace("meta/a", small.clone(), version).await.unwrap();
    assert_eq!(store.get_versioned("meta/a").await.unwrap(), (small, new));
    assert!(names(&disk.path().join("+tmp")).is_empty());
}

#[tokio::test]
async fn large_objects_fill_a_disk_cleanly() {
    let holder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount_ext4(holder.path(), false) else { return };
    let store = LocalStore::open(disk.path()).unwrap();
    let large = Bytes::from((0..3_000_001u32).map(|position| (position / 251) as u8).collect::<Vec<_>>());
    let mut stored = Vec::new();
    let last = loop {
        let key = format!("data/{}", stored.len());
        match store.create(&key, large.clone()).await {
            Ok(_) => stored.push(key),
            Err(error) => break Err::<(), _>(error),
        }
    };
    refused_for_space(&last);
    assert!((3..6).contains(&stored.len()), "{stored:?}");
    assert_eq!(keys(&store.list("").await.unwrap()), stored.iter().map(String::as_str).collect::<Vec<_>>());
    for key in &stored {
        assert!(store.get(key, None).await.unwrap() == large);
    }
    // The object that did not fit uses no space.
    store.delete(&stored[0], None).await.unwrap();
    store.create("data/again", large.clone()).await.unwrap();
}

#[tokio::test]
async fn versions_differ_on_a_disk_without_fractions_of_seconds() {
    let holder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount_ext4(holder.path(), true) else { return };
    let store = LocalStore::open(disk.path()).unwrap();
    versions_never_come_back(&store, disk.path()).await;
    assert_eq!(store.root.granularity.get(), Some(&granularity::Granularity::Coarse));
    // A store that was opened again also finds it out by deleting.
    let version = store.create("a", Bytes::from_static(b"1")).await.unwrap();
    let again = LocalStore::open(disk.path()).unwrap();
    again.delete("a", Some(version.clone())).await.unwrap();
    assert_ne!(again.create("a", Bytes::from_static(b"1")).await.unwrap(), version);
    assert_eq!(again.root.granularity.get(), Some(&granularity::Granularity::Coarse));
}

#[tokio::test]
async fn a_full_disk_refuses_cleanly_and_can_be_freed() {
    let Some(disk) = Disk::mount() else { return };
    let store = LocalStore::open(disk.path()).unwrap();
    fill_and_free(store, &disk).await;
}

#[tokio::test]
async fn a_full_disk_refuses_cleanly_without_unnamed_files() {
    let Some(disk) = Disk::mount() else { return };
    let store = LocalStore::open(disk.path()).unwrap();
    fill_and_free(without_unnamed_files(store), &disk).await;
}

#[tokio::test]
async fn a_read_only_disk_can_be_read() {
    let Some(disk) = Disk::mount() else { return };
    let bytes = Bytes::from_static(b"1");
    let version = LocalStore::open(disk.path()).unwrap().create("a/b", bytes.clone()).await.unwrap();
    fs::create_dir(disk.path().join("+tmp")).unwrap();
    fs::write(disk.path().join("+tmp/put-1-1"), "").unwrap();
    disk.make_read_only();

    let store = LocalStore::open(disk.path()).unwrap();
    assert_eq!(store.get_versioned("a/b").await.unwrap(), (bytes.clone(), version.clone()));
    assert_eq!(keys(&store.list("").await.unwrap()), ["a/b"]);
    let refused =
        |result: StoreResult<()>| assert!(matches!(result, Err(StoreError::ReadOnly { .. })), "{result:?}");
    refused(store.create("a/c", bytes.clone()).await.map(drop));
    refused(store.create("b/c", bytes.clone()).await.map(drop));
    refused(store.replace("a/b", bytes.clone(), version.clone()).await.map(drop));
    refused(store.delete("a/b", None).await);
    refused(store.delete("a/b", Some(version)).await);
}

#[tokio::test]
async fn another_file_system_below_the_root_is_no_trap() {
    let Some(disk) = Disk::mount() else { return };
    let (store, directory) = fresh();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    assert!(is_successful(Command::new("mount").arg("--bind").arg(disk.path()).arg(&data)));
    let created = store.create("data/a", Bytes::from_static(b"1")).await;
    let refused = without_unnamed_files(store).create("data/b", Bytes::from_static(b"1")).await;
    let left = names(&data);
    assert!(is_successful(Command::new("umount").arg("-l").arg(&data)));
    created.unwrap();
    assert!(matches!(refused, Err(StoreError::Unsupported { .. })), "{refused:?}");
    assert_eq!(left, ["a"]);
}
