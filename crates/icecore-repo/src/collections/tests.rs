use icecore_store::store::Store;

use super::*;
use crate::bed::{Bed, collection};

#[test]
fn records_are_read_in_the_order_of_their_numbers() {
    let bed = Bed::new();
    assert_eq!(list(&bed.repository).unwrap(), []);
    for number in [2, 10, 1] {
        bed.put_collection(&collection(number, &[]));
    }
    let numbers: Vec<_> =
        list(&bed.repository).unwrap().iter().map(|stored| stored.record.number.get()).collect();
    assert_eq!(numbers, [1, 2, 10]);
}

#[test]
fn a_record_that_goes_while_it_is_read_makes_all_be_listed_again() {
    let bed = Bed::new();
    bed.put_collection(&collection(1, &[]));
    let listed = bed.repository.environment().runtime.block_on(bed.memory.list(GC_PREFIX)).unwrap();
    bed.remove("meta/gc/000001");
    bed.put_collection(&collection(2, &[]));
    let read = read(&bed.repository, &listed).unwrap();
    assert_eq!(read.iter().map(|stored| stored.record.number.get()).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_does_not_open_is_an_error() {
    let bed = Bed::new();
    let key = "meta/gc/000001";
    bed.set(key, vec![0; 10]);
    assert!(matches!(list(&bed.repository), Err(RepoError::Collection { key: found, .. }) if found == key));
}

#[test]
fn foreign_objects_beside_the_records_are_ignored() {
    let bed = Bed::new();
    for key in ["meta/gc/1", "meta/gc/x", "meta/gc/.nfs0001", "meta/gc/000003.tmp"] {
        bed.set(key, vec![0; 10]);
    }
    bed.put_collection(&collection(2, &[]));
    assert_eq!(list(&bed.repository).unwrap().len(), 1);
}
