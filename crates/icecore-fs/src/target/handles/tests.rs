use rustix::fs::{Mode, OFlags};

use super::*;

fn handle() -> Arc<DirectoryHandle> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Arc::new(DirectoryHandle::new(rustix::fs::open("/", flags, Mode::empty()).unwrap()))
}

fn cached(cache: &HandleCache) -> usize {
    cache.shards.iter().map(|shard| lock(shard).slots.len()).sum()
}

#[test]
fn finds_what_was_inserted_and_the_deepest_ancestor() {
    let cache = HandleCache::new(64);
    for path in [&b"a"[..], b"a/b", b"ab"] {
        cache.insert(path, &handle());
    }
    assert!(cache.get(b"a/b").is_some());
    assert!(cache.get(b"a/b/c").is_none());
    assert_eq!(cache.deepest_ancestor(b"a/b/c/d").map(|(end, _)| end), Some(3));
    assert_eq!(cache.deepest_ancestor(b"a/b").map(|(end, _)| end), Some(1));
    assert_eq!(cache.deepest_ancestor(b"ab/x").map(|(end, _)| end), Some(2));
    assert!(cache.deepest_ancestor(b"a").is_none());
    assert!(cache.deepest_ancestor(b"b/c").is_none());
}

#[test]
fn stays_within_its_bounds() {
    let cache = HandleCache::new(32);
    for number in 0..1000 {
        cache.insert(format!("directory-{number}").as_bytes(), &handle());
    }
    assert!(cached(&cache) <= 32);
    assert!(cache.get(b"directory-999").is_some());

    let cache = HandleCache::new(512);
    for number in 0..200 {
        let path = format!("{}{number}", "long/".repeat(20_000));
        cache.insert(path.as_bytes(), &handle());
    }
    let path_bytes: usize = cache.shards.iter().map(|shard| lock(shard).path_bytes).sum();
    assert!(path_bytes <= SHARDS * SHARD_PATH_BYTES_MAX);

    let cache = HandleCache::new(0);
    cache.insert(b"a", &handle());
    assert_eq!(cached(&cache), 0);
}

#[test]
fn forgets_trees_and_ancestries() {
    let filled = || {
        let cache = HandleCache::new(512);
        for path in [&b"a"[..], b"a/b", b"a/b/c", b"a/bc"] {
            cache.insert(path, &handle());
        }
        cache
    };
    let cache = filled();
    cache.forget_tree(b"a/b");
    assert!(cache.get(b"a").is_some() && cache.get(b"a/bc").is_some());
    assert!(cache.get(b"a/b").is_none() && cache.get(b"a/b/c").is_none());

    let cache = filled();
    cache.forget_ancestry(b"a/b");
    assert!(cache.get(b"a/b/c").is_some() && cache.get(b"a/bc").is_some());
    assert!(cache.get(b"a").is_none() && cache.get(b"a/b").is_none());

    let cache = filled();
    cache.forget(b"a/b");
    assert_eq!(cached(&cache), 3);
    cache.clear();
    assert_eq!(cached(&cache), 0);
    assert!(cache.shards.iter().all(|shard| lock(shard).path_bytes == 0));
}
