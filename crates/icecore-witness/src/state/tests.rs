use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::state_files::head;

/// Unusable files differ only by their fault, which cannot be compared.
impl<T: PartialEq> PartialEq for Recalled<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Found(one), Self::Found(other)) => one == other,
            _ => false,
        }
    }
}

const REPOSITORY: RepositoryId = RepositoryId([3; 16]);

fn whole() -> Remembered {
    let name = RecordName { writer: WriterId([1; 16]), sequence: 7 };
    let reference = RecordReference { name, hash: RecordHash([2; 32]) };
    let snapshot = CompletedSnapshot {
        run: RunId([4; 16]),
        digest: SnapshotDigest([5; 32]),
        source: "home \"ä\"".to_owned(),
        host: "server".to_owned(),
        started: Time { seconds: -1, nanoseconds: 5 },
    };
    let seen = Time { seconds: 1_795_000_000, nanoseconds: 1 };
    Remembered {
        history: SeenHistory { seen, tips: vec![reference], snapshots: vec![snapshot] },
        writer: Some(name.writer),
        last: Some(reference),
    }
}

#[test]
fn what_is_remembered_is_recalled() {
    let directory = tempfile::tempdir().unwrap();
    let path = repository_file(directory.path(), REPOSITORY, "/one");
    assert_eq!(recall(&path, REPOSITORY), Recalled::Nothing);
    for remembered in [Remembered::default(), whole()] {
        remember(&path, REPOSITORY, "/one", &remembered).unwrap();
        assert_eq!(recall(&path, REPOSITORY), Recalled::Found(remembered));
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing temporary is left");
}

#[test]
fn any_damage_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = repository_file(directory.path(), REPOSITORY, "/one");
    remember(&path, REPOSITORY, "/one", &whole()).unwrap();
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert!(matches!(recall(&path, REPOSITORY), Recalled::Unusable(_)), "byte {at}");
        fs::write(&path, &bytes[..at]).unwrap();
        assert!(matches!(recall(&path, REPOSITORY), Recalled::Unusable(_)), "cut off at {at}");
    }
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(recall(&path, RepositoryId([9; 16])), Recalled::Unusable(_)), "of another repository");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(recall(&path, REPOSITORY), Recalled::Unusable(_)), "a directory");
    assert!(remember(&path, REPOSITORY, "/one", &whole()).is_err());
}

#[test]
fn places_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (location_file(directory.path(), "/one"), location_file(directory.path(), "/two"));
    assert_ne!(one, two);
    let resident = Resident { repository: REPOSITORY, since: Time { seconds: 7, nanoseconds: 0 } };
    remember_location(&one, "/one", resident).unwrap();
    assert_eq!(recall_location(&one, "/one"), Recalled::Found(resident));
    assert_eq!(recall_location(&two, "/two"), Recalled::Nothing);
    assert!(matches!(recall_location(&one, "/other"), Recalled::Unusable(_)));
}

#[test]
fn a_repository_is_remembered_for_each_location() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    assert_eq!(recall_elsewhere(state, REPOSITORY), None);
    let earlier = Remembered {
        history: SeenHistory { seen: Time { seconds: 7, nanoseconds: 0 }, ..SeenHistory::default() },
        ..whole()
    };
    let one = repository_file(state, REPOSITORY, "/one");
    remember(&one, REPOSITORY, "/one", &earlier).unwrap();
    assert_eq!(recall(&repository_file(state, REPOSITORY, "/two"), REPOSITORY), Recalled::Nothing);
    let elsewhere = |location: &str, remembered: &Remembered| {
        Some(Elsewhere { location: Some(location.to_owned()), remembered: remembered.clone() })
    };
    assert_eq!(recall_elsewhere(state, REPOSITORY), elsewhere("/one", &earlier));
    // The location that was seen last counts; damaged files, temporary files and those of another repository
    // do not.
    remember(&repository_file(state, REPOSITORY, "/two"), REPOSITORY, "/two", &whole()).unwrap();
    fs::write(one.with_extension("7.tmp"), "").unwrap();
    fs::write(repository_file(state, REPOSITORY, "/three"), "damaged").unwrap();
    assert_eq!(recall_elsewhere(state, REPOSITORY), elsewhere("/two", &whole()));
    assert_eq!(recall_elsewhere(state, RepositoryId([9; 16])), None);
}

#[test]
fn what_earlier_programs_remembered_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = unplaced_file(directory.path(), REPOSITORY);
    remember(&path, REPOSITORY, "", &whole()).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let old = written.split_once('\n').unwrap().1.replace("\"location\":\"\",", "");
    fs::write(&path, format!("{}\n{old}", head(old.as_bytes()))).unwrap();
    assert_eq!(recall(&path, REPOSITORY), Recalled::Found(whole()));
    assert_eq!(
        recall_elsewhere(directory.path(), REPOSITORY),
        Some(Elsewhere { location: None, remembered: whole() })
    );
}
