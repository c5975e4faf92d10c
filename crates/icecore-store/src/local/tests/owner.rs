//! Files that root writes into another user's store.

use std::os::unix::fs::chown;

use super::*;

/// A user and a group that need not exist on the machine.
const OTHER: (u32, u32) = (4711, 4712);

/// Creates a store that another user owns; none if root does not run this test.
fn of_another_user() -> Option<(LocalStore, tempfile::TempDir)> {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: files can be given away by root only");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    chown(directory.path(), Some(OTHER.0), Some(OTHER.1)).unwrap();
    Some((LocalStore::open(directory.path()).unwrap(), directory))
}

fn owner(path: &Path) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.uid(), metadata.gid())
}

/// Writes, replaces and deletes, so that the store creates all its files.
async fn use_store(store: &LocalStore) {
    let put = |key: &'static str, condition| store.put(key, Bytes::from_static(b"x"), condition);
    let version = put("a/b/c", PutCondition::Absent).await.unwrap();
    put("a/b/c", PutCondition::Version(version)).await.unwrap();
    put("a/b/d", PutCondition::Absent).await.unwrap();
    store.delete("a/b/d", None).await.unwrap();
    put("top", PutCondition::Absent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_root_writes_belongs_to_the_owner_of_the_store() {
    for unnamed in [true, false] {
        let Some((store, directory)) = of_another_user() else { return };
        let store = if unnamed { store } else { without_unnamed_files(store) };
        use_store(&store).await;
        for name in ["a", "a/b", "a/b/c", "top", "+lock", "+tmp"] {
            assert_eq!(owner(&directory.path().join(name)), OTHER, "{name}");
        }
        assert_eq!(mode(&directory.path().join("a/b/c")), 0o400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_roots_before_is_given_away() {
    let Some((store, directory)) = of_another_user() else { return };
    let path = |name: &str| directory.path().join(name);
    fs::create_dir_all(path("a/b")).unwrap();
    fs::write(path("a/b/secret"), "root's").unwrap();
    fs::write(path("+lock"), "root's").unwrap();
    use_store(&store).await;
    for name in ["a", "a/b", "a/b/secret", "+lock"] {
        assert_eq!(owner(&path(name)), (0, 0), "{name}");
    }
    assert_eq!(owner(&path("a/b/c")), OTHER);
}
