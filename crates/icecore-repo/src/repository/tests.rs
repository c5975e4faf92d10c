use icecore_format::error::FormatError;
use icecore_store::{
    environment::ManualClock,
    fault::{Fault, FaultPlan},
    memory::MemoryStore,
};

use super::*;
use crate::{
    bed::{Bed, create_options, environment, key_file, noises},
    slots,
};

fn password(text: &str) -> Credential {
    Credential::Password(Zeroizing::new(text.as_bytes().to_vec()))
}

fn unlock(bed: &Bed, credentials: &[Credential]) -> RepoResult<Repository> {
    Repository::unlock(bed.store(), bed.repository.environment().clone(), credentials)
}

#[test]
fn a_repository_opens_with_its_key_file() {
    let bed = Bed::new();
    let unlocked = unlock(&bed, &[key_file(7)]).unwrap();
    assert_eq!(unlocked.header(), bed.repository.header());
    assert_eq!(unlocked.id(), RepositoryId([1; 16]));
    assert_eq!(unlocked.header().parameters, create_options(key_file(7)).parameters);
    assert_eq!(unlocked.keys().chunk_id(b"content"), bed.repository.keys().chunk_id(b"content"));
    unlocked.chunker().unwrap();
    let plain = read_plain_header(&bed.store(), bed.repository.environment()).unwrap();
    assert_eq!(plain.repository, unlocked.id());
    unlock(&bed, &[key_file(1), password("no such slot"), key_file(7)]).unwrap();
    // One reads what the other has written.
    let contents = noises(2, 100, 1);
    bed.snapshot(&contents);
    let index = crate::index::load_index(&unlocked, &mut bed.catalog(), None).unwrap().index;
    assert!(index.contains(&unlocked.keys().chunk_id(&contents[0])));
}

#[test]
fn a_repository_opens_with_its_password() {
    let clock = Arc::new(ManualClock::default());
    let environment = environment(&clock, 1);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock));
    let options = create_options(password("correct horse"));
    Repository::create(Arc::clone(&store), environment.clone(), RepositoryId([1; 16]), &options).unwrap();
    Repository::unlock(Arc::clone(&store), environment.clone(), &[password("correct horse")]).unwrap();
    let wrong = Repository::unlock(store, environment, &[password("correct horse ")]).unwrap_err();
    assert!(matches!(wrong, RepoError::WrongKey { slots: 1, .. }), "{wrong}");
}

#[test]
fn a_wrong_key_is_not_damage() {
    let bed = Bed::new();
    for (credentials, tried) in [(vec![key_file(8)], 1), (vec![key_file(8), key_file(9)], 2), (vec![], 0)] {
        let error = unlock(&bed, &credentials).unwrap_err();
        assert!(matches!(error, RepoError::WrongKey { slots, .. } if slots == tried), "{error}");
        assert!(!error.is_corruption());
    }
    let error = unlock(&bed, &[password("there is no slot with a password")]).unwrap_err();
    assert!(matches!(error, RepoError::WrongKey { slots: 0, .. }), "{error}");
}

#[test]
fn where_there_is_no_repository_the_error_says_so() {
    let bed = Bed::new();
    bed.remove(HEADER_KEY);
    assert!(matches!(unlock(&bed, &[key_file(7)]), Err(RepoError::NoRepository { .. })));
    let plain = read_plain_header(&bed.store(), bed.repository.environment());
    assert!(matches!(plain, Err(RepoError::NoRepository { .. })));
}

#[test]
fn a_second_create_is_refused_and_changes_nothing() {
    let bed = Bed::new();
    let before: Vec<(String, Vec<u8>)> =
        bed.keys_under("").into_iter().map(|key| (key.clone(), bed.get(&key))).collect();
    let environment = bed.repository.environment().clone();
    let options = create_options(key_file(9));
    let again = Repository::create(bed.store(), environment, RepositoryId([2; 16]), &options);
    assert!(matches!(again, Err(RepoError::RepositoryExists { .. })));
    let after: Vec<(String, Vec<u8>)> =
        bed.keys_under("").into_iter().map(|key| (key.clone(), bed.get(&key))).collect();
    assert_eq!(before, after);
}

#[test]
fn of_two_who_create_at_once_one_wins() {
    let bed = Bed::new();
    let clock = Arc::new(ManualClock::default());
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock)));
    // The loser saw no header; then the winner's header exists.
    let other = Repository::create(
        Arc::clone(&inner),
        environment(&clock, 3),
        RepositoryId([3; 16]),
        &create_options(key_file(3)),
    )
    .unwrap();
    let loser = bed.repository.on_store(Arc::clone(&inner));
    let header = loser.header().seal(loser.keys(), &loser.environment().salt()).unwrap();
    slots::add(&loser, &key_file(7), PasswordCost::FLOOR, "loser").unwrap();
    let refused = loser.put(HEADER_KEY, header.into(), PutCondition::Absent);
    assert!(matches!(refused, Err(RepoError::Store(StoreError::AlreadyExists { .. }))));
    // The loser's slot does no harm.
    let environment = other.environment().clone();
    let unlocked = Repository::unlock(Arc::clone(&inner), environment.clone(), &[key_file(3)]).unwrap();
    assert_eq!(unlocked.id(), other.id());
    let wrong = Repository::unlock(inner, environment, &[key_file(7)]).unwrap_err();
    assert!(matches!(wrong, RepoError::WrongKey { slots: 1, .. }), "{wrong}");
}

#[test]
fn a_crash_while_creating_leaves_nothing_that_cannot_be_opened() {
    for fault in [Fault::Crash, Fault::CrashAfter, Fault::LostReply] {
        for call in 1.. {
            let bed = Bed::new();
            bed.keys_under("").iter().for_each(|key| bed.remove(key));
            let (faulty, store) = bed.faulty(FaultPlan::new(0).at_call(call, fault.clone()));
            let environment = bed.repository.environment().clone();
            let create = |store: Arc<dyn Store>, id| {
                Repository::create(
                    store,
                    environment.clone(),
                    RepositoryId([id; 16]),
                    &create_options(key_file(7)),
                )
            };
            let result = create(Arc::clone(faulty.store()), 2);
            match unlock(&bed, &[key_file(7)]) {
                Ok(repository) => assert_eq!(repository.id(), RepositoryId([2; 16])),
                Err(RepoError::NoRepository { .. }) => {
                    assert!(result.is_err());
                    create(bed.store(), 3).unwrap();
                    assert_eq!(unlock(&bed, &[key_file(7)]).unwrap().id(), RepositoryId([3; 16]));
                }
                Err(error) => panic!("call {call}, {fault:?}: {error}"),
            }
            if store.calls() < call {
                assert!(result.is_ok());
                break;
            }
        }
    }
}

#[test]
fn a_truncated_header_is_damage() {
    let bed = Bed::new();
    let header = bed.get(HEADER_KEY);
    for length in 0..header.len() {
        bed.set(HEADER_KEY, header[..length].to_vec());
        let error = unlock(&bed, &[key_file(7)]).unwrap_err();
        assert!(matches!(&error, RepoError::Object { key, .. } if key == HEADER_KEY), "{length}: {error}");
        assert!(error.is_corruption());
    }
    bed.set(HEADER_KEY, [&header[..], b"x"].concat());
    assert!(unlock(&bed, &[key_file(7)]).is_err());
}

#[test]
fn no_byte_of_the_header_can_be_altered() {
    let bed = Bed::new();
    let header = bed.get(HEADER_KEY);
    for position in 0..header.len() {
        let mut altered = header.clone();
        altered[position] ^= 1;
        bed.set(HEADER_KEY, altered);
        let error = unlock(&bed, &[key_file(7)]).unwrap_err();
        assert!(
            matches!(error, RepoError::Object { .. } | RepoError::NoKeySlot { .. }),
            "{position}: {error}"
        );
    }
}

#[test]
fn the_header_of_another_repository_does_not_open() {
    let (bed, other) = (Bed::new(), Bed::seeded(2));
    let own = bed.get(HEADER_KEY);
    bed.set(HEADER_KEY, other.get(HEADER_KEY));
    // Same credential, another repository: the slot names its repository.
    assert!(matches!(unlock(&bed, &[key_file(7)]), Err(RepoError::NoKeySlot { .. })));
    // Its sealed part behind our plain part of 40 bytes.
    bed.set(HEADER_KEY, [&own[..40], &other.get(HEADER_KEY)[40..]].concat());
    let error = unlock(&bed, &[key_file(7)]).unwrap_err();
    assert!(
        matches!(error, RepoError::Object { source: FormatError::Unauthenticated { .. }, .. }),
        "{error}"
    );
}
