use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;

use rustix::fs::{Mode, OFlags};

use super::*;

/// Writes an attribute; `false` if the file system does not support attributes, or this process may not write
/// it.
fn write(owner: AttributeOwner<'_>, name: &str, value: &[u8]) -> bool {
    write_attribute(owner, name.as_bytes(), value).is_ok()
}

fn names(read: &AttributesRead) -> Vec<String> {
    assert!(read.unreadable.is_empty());
    let names = read.attributes.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
    // Security modules add their own.
    names.filter(|name| !name.starts_with("security.")).collect()
}

#[test]
fn attributes_are_written_read_and_removed() {
    let file = tempfile::tempfile().unwrap();
    let owner = AttributeOwner::Descriptor(file.as_fd());
    if !write(owner, "user.b", b"\0binary\xff") {
        return;
    }
    assert!(write(owner, "user.a", b""));
    assert!(write(owner, "user.b", b"second"));
    // Larger than the first buffer.
    let large = vec![7; 3000];
    assert!(write(owner, "user.large", &large));
    let read = read_attributes(owner).unwrap();
    assert_eq!(names(&read), ["user.a", "user.b", "user.large"]);
    let value =
        |name: &str| read.attributes.iter().find(|(found, _)| found == name.as_bytes()).unwrap().1.clone();
    assert_eq!((value("user.a"), value("user.b"), value("user.large")), (vec![], b"second".to_vec(), large));

    for name in ["user.a", "user.large", "user.never"] {
        remove_attribute(owner, name.as_bytes()).unwrap();
    }
    assert_eq!(names(&read_attributes(owner).unwrap()), ["user.b"]);
}

#[test]
fn a_long_list_of_names_is_read_completely() {
    let file = tempfile::tempfile().unwrap();
    let owner = AttributeOwner::Descriptor(file.as_fd());
    let wanted = (0..20).map(|number| format!("user.{number:0100}"));
    let written: Vec<String> = wanted.filter(|name| write(owner, name, b"")).collect();
    let read = read_attributes(owner).unwrap();
    assert_eq!(names(&read), written);
}

#[test]
fn objects_are_reached_through_descriptors() {
    let directory = tempfile::tempdir().unwrap();
    let name = "n".repeat(255);
    File::create(directory.path().join(&name)).unwrap();
    symlink("missing", directory.path().join("link")).unwrap();
    let directory = File::open(directory.path()).unwrap();

    let path = object_path(directory.as_fd(), name.as_bytes()).unwrap();
    if write(AttributeOwner::Path(&path), "user.a", b"value") {
        assert_eq!(names(&read_attributes(AttributeOwner::Path(&path)).unwrap()), ["user.a"]);
    }
    let own = object_path(directory.as_fd(), b".").unwrap();
    if write(AttributeOwner::Path(&own), "user.own", b"value") {
        let read = read_attributes(AttributeOwner::Descriptor(directory.as_fd())).unwrap();
        assert_eq!(names(&read), ["user.own"]);
    }
    // Links cannot have `user.` attributes; `trusted.` ones are for root only.
    let link = object_path(directory.as_fd(), b"link").unwrap();
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(&directory, "link", flags, Mode::empty()).unwrap();
    let opened_path = descriptor_path(opened.as_fd()).unwrap();
    assert_eq!(names(&read_attributes(AttributeOwner::Path(&link)).unwrap()), Vec::<String>::new());
    if write(AttributeOwner::FollowedPath(&opened_path), "trusted.a", b"value") {
        assert_eq!(names(&read_attributes(AttributeOwner::Path(&link)).unwrap()), ["trusted.a"]);
        assert_eq!(
            names(&read_attributes(AttributeOwner::FollowedPath(&opened_path)).unwrap()),
            ["trusted.a"]
        );
    }
    let missing = object_path(directory.as_fd(), b"missing").unwrap();
    let error = read_attributes(AttributeOwner::Path(&missing)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(object_path(directory.as_fd(), b"a\0b").is_err());
}

#[test]
fn a_value_that_grows_is_read_again() {
    let sizes = std::cell::Cell::new(FIRST_BUFFER_BYTES);
    let read = |buffer: &mut [u8]| {
        let size = sizes.get();
        if buffer.is_empty() {
            return Ok(size);
        }
        if sizes.get() < 3 * FIRST_BUFFER_BYTES {
            sizes.set(size + FIRST_BUFFER_BYTES);
        }
        if buffer.len() < sizes.get() { Err(Errno::RANGE) } else { Ok(sizes.get()) }
    };
    assert_eq!(read_growing(read).unwrap().len(), 3 * FIRST_BUFFER_BYTES);
    assert_eq!(
        read_growing(|buffer| if buffer.is_empty() { Ok(9) } else { Err(Errno::RANGE) }),
        Err(Errno::RANGE)
    );
}

#[test]
fn a_file_system_without_attributes_has_none() {
    let file = File::open("/proc/self/status").unwrap();
    let read = read_attributes(AttributeOwner::Descriptor(file.as_fd())).unwrap();
    assert!(read.unreadable.is_empty());
}

#[test]
fn attributes_are_read_without_proc() {
    let root = tempfile::tempdir().unwrap();
    let directory = File::open(root.path()).unwrap();
    symlink("nowhere", root.path().join("link")).unwrap();
    File::create(root.path().join("file")).unwrap();
    for name in ["link", "file"] {
        let path = object_path(directory.as_fd(), name.as_bytes()).unwrap();
        // Only root may set attributes of a link.
        let written = write(AttributeOwner::Path(&path), "trusted.a", name.as_bytes());
        let before = std::env::current_dir().unwrap();
        let read = read_attributes_inside(directory.as_fd(), name.as_bytes()).unwrap();
        assert_eq!(std::env::current_dir().unwrap(), before);
        let expected: &[&str] = if written { &["trusted.a"] } else { &[] };
        assert_eq!(names(&read), expected, "{name}");
        assert_eq!(names(&read_attributes_at(directory.as_fd(), name.as_bytes()).unwrap()), expected);
    }
    let missing = read_attributes_at(directory.as_fd(), b"missing").unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}
