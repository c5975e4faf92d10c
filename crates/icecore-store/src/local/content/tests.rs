use std::{fs, io::Read};

use super::*;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|position| (position * 7 + position / 4096) as u8).collect()
}

fn new_file(directory: &tempfile::TempDir) -> File {
    let path = directory.path().join("file");
    fs::remove_file(&path).unwrap_or_default();
    fs::OpenOptions::new().create_new(true).read(true).write(true).open(path).unwrap()
}

/// Directories on file systems where direct writes are used (if the machine has one) and where they are not.
fn directories() -> Vec<tempfile::TempDir> {
    let places = ["/var/tmp", "/dev/shm", env!("CARGO_MANIFEST_DIR")];
    places.iter().filter_map(|place| tempfile::tempdir_in(place).ok()).collect()
}

#[test]
fn files_of_all_lengths_have_the_content_that_was_written() {
    let mib = 1 << 20;
    let lengths = [0, 1, 4096, mib - 1, mib, mib + 1, mib + 4096, 4 * mib, 4 * mib + 5, 9 * mib + 4095];
    for directory in directories() {
        for length in lengths {
            let bytes = pattern(length);
            let file = new_file(&directory);
            write(&file, &bytes).unwrap();
            let flags = rustix::fs::fcntl_getfl(&file).unwrap();
            assert!(!flags.contains(OFlags::DIRECT), "the file is an ordinary one afterwards");
            let mut found = Vec::new();
            File::open(directory.path().join("file")).unwrap().read_to_end(&mut found).unwrap();
            assert!(found == bytes, "{length} bytes in {}", directory.path().display());
        }
    }
}

#[test]
fn whole_pages_are_written_directly_where_that_is_sound() {
    let mut used = 0;
    for directory in directories() {
        let file = new_file(&directory);
        if is_direct_sound(&file) {
            let bytes = pattern((5 << 20) + 77);
            assert_eq!(write_whole_pages(&file, &bytes).unwrap(), 5 << 20);
            used += 1;
        }
    }
    if used == 0 {
        println!("skipped: no file system for direct writes here");
    }
}
