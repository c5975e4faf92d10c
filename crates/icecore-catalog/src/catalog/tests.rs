use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
};

use icecore_format::{directory::PackDirectory, ids::RunId};

use super::*;
use crate::samples::{REPOSITORY, directory, stored_snapshot};

fn database(cache: &Path) -> PathBuf {
    cache.join(REPOSITORY.to_string()).join("catalogue.sqlite")
}

fn open(cache: &Path) -> (Catalog, CatalogOpening) {
    Catalog::open(cache, REPOSITORY).unwrap()
}

fn damaged_files(cache: &Path) -> usize {
    let names = fs::read_dir(cache.join(REPOSITORY.to_string())).unwrap();
    names.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".damaged-")).count()
}

/// A catalogue of a few pages, with all of its content in the database and none in the log.
fn filled(cache: &Path) -> Vec<PackDirectory> {
    let directories: Vec<_> = (0..60).map(|number| directory(1, number, number * 3 % 50)).collect();
    let (mut catalog, _) = open(cache);
    catalog.add_directories(&directories).unwrap();
    for run in 0..20 {
        catalog.put_snapshots(&[stored_snapshot(RunId([run; 16]), "v1", &[run; 300])]).unwrap();
    }
    catalog.put_meta("cursor", b"value").unwrap();
    directories
}

/// Acts like a user of the catalogue: loads it, adds missing directories, and starts over if it is damaged.
/// In any state of the file, the result is complete and right.
fn repair(catalog: &mut Catalog, expected: &[PackDirectory]) {
    for _ in 0..3 {
        match try_repair(catalog, expected) {
            Ok(()) => return,
            Err(error) if error.is_corruption() => catalog.start_over().unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("starting over did not help");
}

fn try_repair(catalog: &mut Catalog, expected: &[PackDirectory]) -> Result<(), CatalogError> {
    for snapshot in catalog.snapshots()? {
        assert_eq!((snapshot.version.as_str(), snapshot.object), ("v1", vec![snapshot.run.0[0]; 300]));
        catalog.put_snapshots(&[stored_snapshot(snapshot.run, "v1", &[snapshot.run.0[0]; 300])])?;
    }
    let value = catalog.get_meta("cursor")?;
    assert!(value.is_none() || value == Some(b"value".to_vec()));
    catalog.put_meta("cursor", b"value")?;
    for directory in expected {
        let found = catalog.directory(directory.pack)?;
        assert!(found.is_none() || found.as_ref() == Some(directory));
    }
    let mut loaded = Vec::new();
    let report = catalog.for_each_directory(|row| loaded.push(row.to_directory()))?;
    assert_eq!(report.loaded, loaded.len());
    for directory in &loaded {
        assert!(expected.contains(directory), "a directory that nobody added");
    }
    let missing: Vec<_> = expected.iter().filter(|directory| !loaded.contains(directory)).cloned().collect();
    catalog.add_directories(&missing)?;
    let report = catalog.for_each_directory(|_| {})?;
    assert_eq!((report.loaded, report.missing.len()), (expected.len(), 0));
    assert_eq!(catalog.known_packs()?.len(), expected.len());
    Ok(())
}

#[test]
fn a_catalogue_is_created_and_found_again() {
    let cache = tempfile::tempdir().unwrap();
    let below = cache.path().join("a/b");
    let (mut catalog, opening) = open(&below);
    assert_eq!(opening, CatalogOpening::Created);
    assert_eq!((catalog.path(), catalog.repository()), (database(&below).as_path(), REPOSITORY));
    catalog.add_directories(&[directory(1, 0, 3)]).unwrap();
    drop(catalog);
    let (catalog, opening) = open(&below);
    assert_eq!((opening, catalog.known_packs().unwrap().len()), (CatalogOpening::Existing, 1));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&below), 0o700);
    assert_eq!(mode(database(&below).parent().unwrap()), 0o700);
    assert_eq!(mode(&database(&below)), 0o600);
    assert_eq!(catalog.connection().query_row("PRAGMA page_size", [], |row| row.get(0)), Ok(8192));
    let wal: String = catalog.connection().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(wal, "wal");
}

#[test]
fn repositories_do_not_meet() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    let other = RepositoryId([8; 16]);
    let (catalog, opening) = Catalog::open(cache.path(), other).unwrap();
    assert_eq!((opening, catalog.known_packs().unwrap()), (CatalogOpening::Created, vec![]));
    drop(catalog);
    fs::copy(database(cache.path()), cache.path().join(other.to_string()).join("catalogue.sqlite")).unwrap();
    let (catalog, opening) = Catalog::open(cache.path(), other).unwrap();
    let reason = RebuildReason::OtherRepository { found: REPOSITORY };
    assert_eq!((opening, catalog.known_packs().unwrap()), (CatalogOpening::Rebuilt { reason }, vec![]));
    assert_eq!(open(cache.path()).0.known_packs().unwrap().len(), directories.len());
}

#[test]
fn another_schema_is_replaced() {
    for version in [0, SCHEMA_VERSION - 1, SCHEMA_VERSION + 1, -1, i64::from(i32::MAX)] {
        let cache = tempfile::tempdir().unwrap();
        let directories = filled(cache.path());
        open(cache.path()).0.connection().pragma_update(None, "user_version", version).unwrap();
        let (mut catalog, opening) = open(cache.path());
        let reason = RebuildReason::OtherSchema { found: version, supported: SCHEMA_VERSION };
        assert_eq!(opening, CatalogOpening::Rebuilt { reason });
        assert_eq!((catalog.known_packs().unwrap(), damaged_files(cache.path())), (vec![], 0));
        repair(&mut catalog, &directories);
        drop(catalog);
        assert_eq!(open(cache.path()).1, CatalogOpening::Existing);
    }
}

#[test]
fn what_is_no_catalogue_is_moved_aside() {
    let text = b"This is a text file, put here by mistake.\n".repeat(1000);
    let foreign = {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
        fs::read(path).unwrap()
    };
    for content in [text, foreign, vec![0; 100], vec![0; 16384], vec![0xff; 5]] {
        let cache = tempfile::tempdir().unwrap();
        let directories = filled(cache.path());
        fs::write(database(cache.path()), &content).unwrap();
        let (mut catalog, opening) = open(cache.path());
        let CatalogOpening::Rebuilt { reason: RebuildReason::Damaged { moved_to, .. } } = &opening else {
            panic!("{opening:?}");
        };
        assert_eq!(fs::read(moved_to).unwrap(), content);
        repair(&mut catalog, &directories);
        drop(catalog);
        assert_eq!(open(cache.path()).1, CatalogOpening::Existing);
    }
}

#[test]
fn an_empty_file_is_no_catalogue_yet() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    fs::write(database(cache.path()), b"").unwrap();
    let (mut catalog, opening) = open(cache.path());
    assert_eq!(opening, CatalogOpening::Created);
    repair(&mut catalog, &directories);
}

#[test]
fn any_overwritten_place_costs_time_only() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    let original = fs::read(database(cache.path())).unwrap();
    assert!(original.len() > 8 * 8192, "{}", original.len());
    let page_heads = (0..original.len()).step_by(8192).flat_map(|page| (0..40).map(move |byte| page + byte));
    let everywhere = (0..original.len()).step_by(197);
    for (turn, offset) in page_heads.chain(everywhere).filter(|offset| *offset < original.len()).enumerate() {
        let mut content = original.clone();
        let damage = [1, 0xff, 0x80, 0x55][turn % 4];
        let length = [1, 1, 16, 200][turn / 4 % 4];
        let end = (offset + length).min(content.len());
        content[offset..end].iter_mut().for_each(|byte| *byte ^= damage);
        fs::write(database(cache.path()), &content).unwrap();
        let (mut catalog, _) = open(cache.path());
        repair(&mut catalog, &directories);
        assert!(damaged_files(cache.path()) <= 1);
    }
}

#[test]
fn any_truncation_costs_time_only() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    let original = fs::read(database(cache.path())).unwrap();
    for length in (0..original.len()).step_by(1111).chain((0..original.len()).step_by(8192)) {
        fs::write(database(cache.path()), &original[..length]).unwrap();
        let (mut catalog, _) = open(cache.path());
        repair(&mut catalog, &directories);
    }
}

#[test]
fn damage_below_an_open_handle_is_survived() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    let (mut catalog, _) = open(cache.path());
    let (mut other, _) = open(cache.path());
    let mut file = fs::OpenOptions::new().write(true).open(database(cache.path())).unwrap();
    file.seek(SeekFrom::Start(8192)).unwrap();
    file.write_all(&vec![0xaa; 8192 * 6]).unwrap();
    std::mem::forget(file); // Closing it would drop this process's locks on the database.
    repair(&mut catalog, &directories);
    // The other handle opens the catalogue that the first one has created.
    other.start_over().unwrap();
    assert_eq!(other.known_packs().unwrap().len(), directories.len());
    assert_eq!(damaged_files(cache.path()), 1);
}

#[test]
fn starting_over_in_memory_empties() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    catalog.add_directories(&[directory(1, 0, 3)]).unwrap();
    catalog.start_over().unwrap();
    assert_eq!((catalog.known_packs().unwrap(), catalog.path()), (vec![], Path::new(":memory:")));
}

#[test]
fn a_replaced_catalogue_does_not_disturb_who_still_has_the_old_one() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    let (mut old, _) = open(cache.path());
    old.add_directories(&[directory(3, 0, 5)]).unwrap();
    fs::remove_file(database(cache.path())).unwrap();
    let (mut new, opening) = open(cache.path());
    assert_eq!(opening, CatalogOpening::Created);
    new.add_directories(&directories).unwrap();
    old.add_directories(&[directory(3, 1, 5)]).unwrap();
    assert_eq!(old.known_packs().unwrap().len(), directories.len() + 2);
    drop(old);
    let (mut third, opening) = open(cache.path());
    assert_eq!(opening, CatalogOpening::Existing);
    third.add_directories(&[directory(2, 0, 5)]).unwrap();
    assert_eq!(new.known_packs().unwrap().len(), directories.len() + 1);
    drop((new, third));
    assert_eq!(open(cache.path()).0.known_packs().unwrap().len(), directories.len() + 1);
}

#[test]
fn many_threads_open_and_write_at_once() {
    let cache = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for run in 0..6u8 {
            let path = cache.path();
            scope.spawn(move || {
                for number in 0..20 {
                    let (mut catalog, opening) = open(path);
                    assert!(!matches!(opening, CatalogOpening::Rebuilt { .. }), "{opening:?}");
                    catalog
                        .add_directories(&[directory(run, number, 30), directory(99, number, 30)])
                        .unwrap();
                    catalog.put_meta("turn", &[run]).unwrap();
                    let report = catalog.for_each_directory(|_| {}).unwrap();
                    assert!(report.missing.is_empty() && report.loaded > number as usize);
                }
            });
        }
    });
    assert_eq!(open(cache.path()).0.known_packs().unwrap().len(), 7 * 20);
}

/// File in the working directory of [`one_of_many_processes`] that tells it to do its work.
const MARKER: &str = "many-processes";

#[test]
fn many_processes_open_and_write_at_once() {
    let cache = tempfile::tempdir().unwrap();
    fs::write(cache.path().join(MARKER), "").unwrap();
    let child = || {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "catalog::tests::one_of_many_processes"])
            .current_dir(cache.path());
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = std::iter::repeat_with(child).take(5).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let (catalog, opening) = open(cache.path());
    assert_eq!(opening, CatalogOpening::Existing);
    assert_eq!((catalog.known_packs().unwrap().len(), catalog.snapshots().unwrap().len()), (10, 50));
}

#[test]
#[ignore = "is run by many_processes_open_and_write_at_once, with the cache as working directory"]
fn one_of_many_processes() {
    if !Path::new(MARKER).exists() {
        return;
    }
    let process = std::process::id().to_be_bytes();
    for turn in 0..10u8 {
        let (mut catalog, opening) = open(Path::new("."));
        assert!(!matches!(opening, CatalogOpening::Rebuilt { .. }), "{opening:?}");
        let mut run = [turn; 16];
        run[..4].copy_from_slice(&process);
        catalog.put_snapshots(&[stored_snapshot(RunId(run), "v1", b"sealed")]).unwrap();
        catalog.add_directories(&[directory(1, turn.into(), 200)]).unwrap();
        assert!(catalog.for_each_directory(|_| {}).unwrap().missing.is_empty());
    }
}

#[test]
fn a_handle_can_be_sent() {
    fn check<T: Send>() {}
    check::<Catalog>();
    check::<CatalogError>();
}

#[test]
fn a_locked_catalogue_is_an_error_that_passes() {
    let cache = tempfile::tempdir().unwrap();
    let (mut waiting, _) = open(cache.path());
    let (holder, _) = open(cache.path());
    waiting.connection().busy_timeout(std::time::Duration::from_millis(1)).unwrap();
    holder.connection().execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = waiting.put_meta("a", b"b").unwrap_err();
    assert!(error.is_transient() && !error.is_corruption(), "{error}");
    holder.connection().execute_batch("ROLLBACK").unwrap();
    waiting.put_meta("a", b"b").unwrap();
}

#[test]
fn unusable_places_are_named() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("file");
    fs::write(&file, "x").unwrap();
    for place in [file.as_path(), Path::new("/proc/self/no-such-directory")] {
        let error = Catalog::open(place, REPOSITORY).unwrap_err();
        assert!(matches!(error, CatalogError::Directory { .. }), "{error:?}");
        assert!(error.to_string().contains(&*place.to_string_lossy()), "{error}");
    }
    fs::create_dir_all(database(cache.path())).unwrap();
    let error = Catalog::open(cache.path(), REPOSITORY).unwrap_err();
    assert!(matches!(error, CatalogError::NotAFile { .. }), "{error:?}");
}

#[test]
fn a_directory_that_other_machines_share_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    let error = Catalog::open_local(cache.path(), REPOSITORY, |_| Some("NFS")).unwrap_err();
    assert!(matches!(error, CatalogError::NetworkFileSystem { kind: "NFS", .. }), "{error:?}");
    assert!(!database(cache.path()).exists());
    Catalog::open_local(cache.path(), REPOSITORY, |_| None).unwrap();
}

/// Returns whether file modes apply to this process; they do not apply to root.
fn modes_bind(directory: &Path) -> bool {
    fs::write(directory.join("probe"), "").is_err()
}

#[test]
fn a_read_only_directory_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if modes_bind(cache.path()) {
        let error = Catalog::open(cache.path(), REPOSITORY).unwrap_err();
        assert!(matches!(error, CatalogError::Directory { .. }), "{error:?}");
    }
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_read_only_file_is_an_error_and_stays() {
    let cache = tempfile::tempdir().unwrap();
    let directories = filled(cache.path());
    let path = database(cache.path());
    let own = path.parent().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(own, fs::Permissions::from_mode(0o500)).unwrap();
    if modes_bind(own) {
        let error = match Catalog::open(cache.path(), REPOSITORY) {
            Ok((mut catalog, _)) => catalog.put_meta("a", b"b").unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, CatalogError::NotWritable { .. }), "{error:?}");
    }
    fs::set_permissions(own, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(open(cache.path()).0.known_packs().unwrap().len(), directories.len());
}
