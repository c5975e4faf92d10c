use super::*;
use crate::samples::{REPOSITORY, directory};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn catalog() -> (Catalog, Vec<PackName>) {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    let directories: Vec<_> = (0..3).map(|number| directory(1, number, 5)).collect();
    catalog.add_directories(&directories).unwrap();
    let names = directories.iter().map(|directory| directory.pack).collect();
    (catalog, names)
}

#[test]
fn times_are_kept_and_renewed() {
    let (mut catalog, names) = catalog();
    assert_eq!(catalog.verifications().unwrap(), []);
    catalog.put_verifications(&names[..2], at(1_000)).unwrap();
    catalog.put_verifications(&names[1..], at(2_000)).unwrap();
    let expected = [(names[0], at(1_000)), (names[1], at(2_000)), (names[2], at(2_000))];
    assert_eq!(catalog.verifications().unwrap(), expected);
}

#[test]
fn packs_that_are_gone_are_forgotten() {
    let (mut catalog, names) = catalog();
    catalog.put_verifications(&names, at(1_000)).unwrap();
    catalog.remove_packs(&names[..2]).unwrap();
    assert_eq!(catalog.verifications().unwrap(), [(names[2], at(1_000))]);
}

#[test]
fn damaged_rows_are_left_out() {
    for damage in ["verified_seconds = 9", "number = 7", "checksum = x'00'", "run = x'03'"] {
        let (mut catalog, names) = catalog();
        catalog.put_verifications(&names[..1], at(1_000)).unwrap();
        catalog.connection().execute(&format!("UPDATE verifications SET {damage}"), []).unwrap();
        assert_eq!(catalog.verifications().unwrap(), [], "{damage}");
    }
}
