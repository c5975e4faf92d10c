use super::*;
use crate::samples::{REPOSITORY, directory};

fn filled(packs: u32) -> (Catalog, Vec<PackDirectory>) {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    let directories: Vec<_> = (0..packs).map(|number| directory(1, number, number * 7)).collect();
    catalog.add_directories(directories.iter().rev()).unwrap();
    (catalog, directories)
}

fn load(catalog: &mut Catalog) -> (Vec<PackDirectory>, LoadReport) {
    let mut directories = Vec::new();
    let report = catalog.for_each_directory(|row| directories.push(row.to_directory())).unwrap();
    directories.sort_unstable_by_key(|directory| directory.pack);
    (directories, report)
}

#[test]
fn directories_are_kept() {
    let (mut catalog, directories) = filled(40);
    let names: Vec<_> = directories.iter().map(|directory| directory.pack).collect();
    assert_eq!(catalog.known_packs().unwrap(), names);
    assert_eq!(load(&mut catalog), (directories.clone(), LoadReport { loaded: 40, missing: vec![] }));
    assert_eq!(catalog.directory(names[3]).unwrap().as_ref(), Some(&directories[3]));
    assert_eq!(catalog.directory(PackName { run: RunId([9; 16]), number: 0 }).unwrap(), None);
}

#[test]
fn names_are_sorted_and_numbers_reach_their_limit() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    let added = [directory(200, 0, 1), directory(1, u32::MAX, 1), directory(1, 2, 1), directory(1, 10, 1)];
    catalog.add_directories(&added).unwrap();
    let names = catalog.known_packs().unwrap();
    assert!(names.is_sorted() && names.len() == 4);
    assert_eq!(catalog.directory(added[1].pack).unwrap().as_ref(), Some(&added[1]));
}

#[test]
fn adding_again_replaces_and_removing_removes() {
    let (mut catalog, mut directories) = filled(5);
    directories[2].checksum = None;
    catalog.add_directories(&directories[2..3]).unwrap();
    assert_eq!(load(&mut catalog).0, directories);
    let gone = [directories[0].pack, directories[4].pack, PackName { run: RunId([9; 16]), number: 0 }];
    assert_eq!(catalog.remove_packs(&gone).unwrap(), 2);
    assert_eq!(load(&mut catalog).0, directories[1..4]);
}

#[test]
fn a_damaged_row_is_missing_until_it_is_added_again() {
    let damages = [
        "kind = 4",
        "kind = 99",
        "pack_group = x'00'",
        "pack_bytes = 1",
        "pack_bytes = NULL",
        "checksum = x''",
        "directory = x''",
        "directory = zeroblob(length(directory))",
    ];
    for damage in damages {
        let (mut catalog, directories) = filled(4);
        let pack = directories[2].pack;
        let spoil = |catalog: &Catalog| {
            catalog.connection().execute(&format!("UPDATE packs SET {damage} WHERE number = 2"), []).unwrap()
        };
        spoil(&catalog);
        let (loaded, report) = load(&mut catalog);
        assert_eq!((loaded.len(), report), (3, LoadReport { loaded: 3, missing: vec![pack] }), "{damage}");
        assert_eq!(catalog.known_packs().unwrap().len(), 3);
        catalog.add_directories(&directories[2..3]).unwrap();
        assert_eq!(load(&mut catalog), (directories, LoadReport { loaded: 4, missing: vec![] }));
        spoil(&catalog);
        assert_eq!(catalog.directory(pack).unwrap(), None);
        assert_eq!(catalog.known_packs().unwrap().len(), 3, "{damage}");
    }
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let (mut catalog, directories) = filled(4);
    let pages: i64 = catalog.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 2);
    catalog.connection().query_row(&limit, [], |_| Ok(())).unwrap();
    let more: Vec<_> = (0..20).map(|number| directory(2, number, 500)).collect();
    let error = catalog.add_directories(&more).unwrap_err();
    assert!(matches!(error, CatalogError::DiskFull { .. }), "{error:?}");
    assert_eq!(load(&mut catalog).0, directories);
}

#[test]
fn names_come_from_the_index_alone() {
    let (catalog, _) = filled(1);
    let plan: String = catalog
        .connection()
        .query_row(&format!("EXPLAIN QUERY PLAN {SELECT_NAMES}"), [], |row| row.get(3))
        .unwrap();
    assert!(plan.contains("COVERING INDEX"), "{plan}");
}

#[test]
fn a_damaged_row_that_cannot_be_removed_is_an_error() {
    let (mut catalog, directories) = filled(4);
    catalog.connection().execute("UPDATE packs SET checksum = x'' WHERE number = 2", []).unwrap();
    catalog.connection().pragma_update(None, "query_only", true).unwrap();
    assert!(catalog.for_each_directory(|_| {}).is_err());
    assert!(catalog.directory(directories[2].pack).is_err());
}
