use std::{fs, io::Write, path::Path};

use icecore_fs::walk::Walk;

use super::*;

fn opened(path: &Path) -> SourceFile {
    Walk::single(path, true).unwrap().open().unwrap()
}

fn tail_of(file: &SourceFile) -> (TailEnd, Vec<u8>) {
    let mut tail = Vec::new();
    let end = read_tail(file, &mut [0; 4], &mut |bytes| {
        tail.extend_from_slice(bytes);
        true
    });
    (end.unwrap(), tail)
}

#[test]
fn most_files_have_nothing_beyond_their_size() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, b"content").unwrap();
    assert_eq!(tail_of(&opened(&path)), (TailEnd::Reached, Vec::new()));
}

#[test]
fn a_file_that_grows_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    fs::write(&path, b"line\n").unwrap();
    let file = opened(&path);
    fs::File::options().append(true).open(&path).unwrap().write_all(b"another line\n").unwrap();
    assert_eq!(tail_of(&file), (TailEnd::Growing, b"anot".to_vec()), "a piece, and then it is known to grow");
}

#[test]
fn a_file_that_says_nothing_of_its_size_is_read_as_far_as_it_is_wanted() {
    let file = opened(Path::new("/proc/version"));
    let (end, tail) = tail_of(&file);
    assert_eq!((end, tail), (TailEnd::Reached, fs::read("/proc/version").unwrap()));
    assert_eq!(read_tail(&file, &mut [0; 4], &mut |_| false).unwrap(), TailEnd::Stopped);
}
