use super::*;
use crate::{Catalog, samples::REPOSITORY};

const OTHERS: [RepositoryId; 3] = [RepositoryId([0xa; 16]), RepositoryId([0xb; 16]), RepositoryId([0xc; 16])];

#[expect(clippy::disallowed_methods, reason = "the times of real files are compared with it")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn fill(cache: &Path) {
    for repository in OTHERS.into_iter().chain([REPOSITORY]) {
        drop(Catalog::open(cache, repository).unwrap());
        fs::write(cache.join(repository.to_string()).join("chunks-1"), vec![1; 1 << 20]).unwrap();
    }
    fs::write(cache.join("note"), vec![1; 1 << 20]).unwrap();
    fs::create_dir(cache.join("somebody-elses")).unwrap();
}

fn bytes_of(cache: &Path, repository: RepositoryId) -> u64 {
    look(&cache.join(repository.to_string())).unwrap().0
}

/// Makes a catalogue look as if it had been used `days` days before `now`.
fn age(cache: &Path, repository: RepositoryId, now: SystemTime, days: u64) {
    let directory = cache.join(repository.to_string());
    let time = now - Duration::from_hours(24 * days);
    for entry in fs::read_dir(&directory).unwrap() {
        fs::File::open(entry.unwrap().path()).unwrap().set_modified(time).unwrap();
    }
    fs::File::open(&directory).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_was_used_longest_ago_goes_first_and_what_is_used_stays() {
    let cache = tempfile::tempdir().unwrap();
    fill(cache.path());
    let now = now();
    for (repository, days) in [(OTHERS[0], 2), (OTHERS[1], 5), (OTHERS[2], 0), (REPOSITORY, 9)] {
        age(cache.path(), repository, now, days);
    }
    let trim = |bytes_max| remove_unused(cache.path(), REPOSITORY, bytes_max, now).unwrap();
    assert_eq!(trim(10 << 20), RemovedCatalogues::default());
    let removed = trim(4 << 20);
    assert!(removed.catalogues == 1 && removed.bytes > 1 << 20, "{removed:?}");
    assert_eq!(bytes_of(cache.path(), OTHERS[1]), 0);
    assert_eq!(trim(0).catalogues, 1, "the one of today stays");
    assert_eq!(bytes_of(cache.path(), OTHERS[0]), 0);
    assert!(bytes_of(cache.path(), OTHERS[2]) > 1 << 20);
    assert!(bytes_of(cache.path(), REPOSITORY) > 1 << 20);
    assert!(cache.path().join("note").exists() && cache.path().join("somebody-elses").exists());
    // A removed catalogue can be created again.
    drop(Catalog::open(cache.path(), OTHERS[1]).unwrap());
}

#[test]
fn an_open_catalogue_that_is_removed_disturbs_nobody() {
    let cache = tempfile::tempdir().unwrap();
    let (mut open, _) = Catalog::open(cache.path(), OTHERS[0]).unwrap();
    let later = now() + Duration::from_hours(48);
    assert_eq!(remove_unused(cache.path(), REPOSITORY, 0, later).unwrap().catalogues, 1);
    open.put_meta("key", b"value").unwrap();
    assert_eq!(open.get_meta("key").unwrap().as_deref(), Some(&b"value"[..]));
    let (new, _) = Catalog::open(cache.path(), OTHERS[0]).unwrap();
    assert_eq!(new.get_meta("key").unwrap(), None);
}
