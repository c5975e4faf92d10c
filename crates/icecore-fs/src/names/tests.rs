use super::*;

#[test]
fn lines_that_are_not_understood_are_skipped() {
    let content = b"root:x:0:0:root:/root:/bin/sh\n# comment:x:9:\n+nis:x:8::\n+::::::\n\nbroken\n:x:7:\n\
        negative:x:-1:\nlarge:x:4294967296:\ntext:x:seven:\nnobody:x:65534:65534::/:/bin/false\nlast:x:5";
    let users = UserNames::parse(content);
    let found: Vec<_> = [0, 5, 7, 8, 9, 65534].into_iter().map(|id| users.name(id)).collect();
    let expected: [Option<&[u8]>; 6] = [Some(b"root"), Some(b"last"), None, None, None, Some(b"nobody")];
    assert_eq!(found, expected);
    assert_eq!(users.id(b"nobody"), Some(65534));
    assert_eq!(users.id(b"broken"), None);
    assert_eq!(users.id(b"large"), None);
}

#[test]
fn the_first_line_wins() {
    let groups = GroupNames::parse(b"wheel:x:0:\nroot:x:0:a,b\nwheel:x:10:\n");
    assert_eq!(groups.name(0), Some(b"wheel".as_slice()));
    assert_eq!(groups.id(b"wheel"), Some(0));
    assert_eq!(groups.id(b"root"), Some(0));
    assert_eq!(groups.name(10), None);
}

#[test]
fn names_are_bytes() {
    let users = UserNames::parse(b"caf\xe9:x:12:\r\n");
    assert_eq!(users.name(12), Some(b"caf\xe9".as_slice()));
    assert_eq!(UserNames::parse(b""), UserNames::default());
}

#[test]
fn missing_files_have_no_names() {
    assert_eq!(NameTable::load(Path::new("/nonexistent/passwd")).unwrap(), NameTable::default());
    assert!(NameTable::load(Path::new("/")).is_err());
    assert!(UserNames::load().is_ok());
    assert!(GroupNames::load().is_ok());
}
