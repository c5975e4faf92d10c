use icecore_format::ids::WriterId;

use super::*;
use crate::samples::REPOSITORY;

fn record(sequence: u32, version: &str) -> StoredRecord {
    let name = RecordName { writer: WriterId([0xff; 16]), sequence };
    StoredRecord { name, version: version.to_owned(), object: vec![sequence as u8; 3] }
}

#[test]
fn records_are_kept_and_removed_beside_other_values() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    for key in ["log", "log.", "log0", "lo"] {
        catalog.put_meta(key, b"value").unwrap();
    }
    assert_eq!(catalog.log_records().unwrap(), []);
    let records = [record(1, "\"etag\""), record(2, "")];
    catalog.put_log_records(&records).unwrap();
    assert_eq!(catalog.log_records().unwrap(), records);
    catalog.put_log_records(&[record(2, "other")]).unwrap();
    catalog.remove_log_records(&[records[0].name, record(9, "").name]).unwrap();
    assert_eq!(catalog.log_records().unwrap(), [record(2, "other")]);
    assert_eq!(catalog.get_meta("log0").unwrap().as_deref(), Some(b"value".as_slice()));
}

#[test]
fn damaged_records_are_left_out() {
    let mut catalog = Catalog::in_memory(REPOSITORY).unwrap();
    for damage in ["value = x'00'", "value = x'ffffffff'", "checksum = x''", "key = key || 'x'"] {
        catalog.put_log_records(&[record(1, "v"), record(2, "v")]).unwrap();
        let changed = format!("UPDATE state SET {damage} WHERE key LIKE '%/000001'");
        assert_eq!(catalog.connection().execute(&changed, []).unwrap(), 1);
        assert_eq!(catalog.log_records().unwrap(), [record(2, "v")], "{damage}");
    }
}
