use super::*;

#[test]
fn crc64_nvme_is_that_of_s3() {
    // The check value of CRC-64/NVME is ae8b14860a799888.
    assert_eq!(crc64_nvme(b"123456789"), BASE64.encode([0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88]));
}

#[test]
fn etags() {
    let md5 = "900150983cd24fb0d6963f7d28e17f72";
    assert!(!etag_contradicts(md5, b"abc"));
    assert!(!etag_contradicts(&md5.to_uppercase(), b"abc"));
    assert!(etag_contradicts(md5, b"abd"));
    assert!(!etag_contradicts("900150983cd24fb0d6963f7d28e17f72-2", b"abd"));
    assert!(!etag_contradicts("anything", b"abd"));
}

#[test]
fn what_has_not_the_length_of_a_crc64_is_none() {
    let checksum = crc64_nvme(b"bytes");
    assert_eq!(told_crc64(Some(&checksum)), Some(checksum.as_str()));
    for told in [None, Some("mX835Q=="), Some(""), Some("not Base64!")] {
        assert_eq!(told_crc64(told), None, "{told:?}");
    }
}
