use super::*;
use crate::bed::Bed;

fn add_tag(repository: &Repository, run: RunId, key: &str) -> RepoResult<Snapshot> {
    change(repository, run, |snapshot| {
        Ok::<_, RepoError>(snapshot.origin.tags.insert(key.to_owned(), "1".to_owned()).is_none())
    })
}

#[test]
fn a_change_is_stored_and_nothing_else_changes() {
    let bed = Bed::new();
    let before = bed.snapshot(&[b"content".to_vec()]);
    let after = add_tag(&bed.repository, before.origin.run, "a").unwrap();
    assert_eq!(bed.snapshots().by_run(before.origin.run), Some(&after));
    assert_eq!(after.state, before.state);
    let object = bed.get(&snapshot_key(before.origin.run));
    add_tag(&bed.repository, before.origin.run, "a").unwrap();
    assert_eq!(bed.get(&snapshot_key(before.origin.run)), object, "nothing is written without a change");
}

#[test]
fn changes_of_others_are_kept() {
    let bed = Bed::new();
    let run = bed.snapshot(&[b"content".to_vec()]).origin.run;
    let mut rounds = 0;
    let changed = change(&bed.repository, run, |snapshot| {
        rounds += 1;
        if rounds < 4 {
            add_tag(&bed.repository, run, &format!("other{rounds}"))?;
        }
        snapshot.origin.tags.insert("own".to_owned(), String::new());
        Ok::<_, RepoError>(true)
    });
    let tags = changed.unwrap().origin.tags;
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["other1", "other2", "other3", "own"]);
    let always = change(&bed.repository, run, |snapshot| {
        rounds += 1;
        add_tag(&bed.repository, run, &format!("other{rounds}"))?;
        Ok::<_, RepoError>(snapshot.origin.tags.remove("own").is_some())
    });
    assert!(matches!(always, Err(RepoError::SnapshotContended { .. })));
}

#[test]
fn a_snapshot_that_is_not_there_is_an_error() {
    let bed = Bed::new();
    let missing = add_tag(&bed.repository, RunId::new(1, [1; 10]), "a");
    assert!(matches!(missing, Err(RepoError::Store(StoreError::NotFound { .. }))));
}
