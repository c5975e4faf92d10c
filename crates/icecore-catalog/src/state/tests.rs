use crate::{catalog::Catalog, samples::REPOSITORY};

#[test]
fn values_are_kept_and_replaced() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    assert_eq!(catalog.get_meta("cursor").unwrap(), None);
    catalog.put_meta("cursor", b"1").unwrap();
    catalog.put_meta("cursor", b"").unwrap();
    assert_eq!(catalog.get_meta("cursor").unwrap(), Some(vec![]));
    assert_eq!(catalog.get_meta("").unwrap(), None);
}

#[test]
fn a_damaged_value_counts_as_absent() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    catalog.put_meta("cursor", b"abc").unwrap();
    catalog.connection().execute("UPDATE state SET value = x'616264'", []).unwrap();
    assert_eq!(catalog.get_meta("cursor").unwrap(), None);
    catalog.put_meta("cursor", b"new").unwrap();
    assert_eq!(catalog.get_meta("cursor").unwrap(), Some(b"new".to_vec()));
}
