//! Files with very many holes, and very large holes: no hole is read, sent, written or compared byte by byte.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};

use crate::harness::{Sandbox, bytes, skip};

/// More holes than an entry can have.
const EXTENTS: usize = 20_000;
const BLOCK_BYTES: usize = 4096;
const STRIDE: usize = 2 * BLOCK_BYTES;
const CHECKERED_BYTES: usize = EXTENTS * STRIDE + 7;
const ISLANDS: [u64; 3] = [0, 1 << 40, (8 << 40) - 8192];

/// Writes one byte in every other block, and returns the content.
fn write_checkered(path: &Path) -> Vec<u8> {
    let mut content = vec![0; CHECKERED_BYTES];
    let file = File::create(path).unwrap();
    for number in 0..EXTENTS {
        let byte = [(number % 250) as u8 + 1];
        file.write_all_at(&byte, (number * STRIDE) as u64).unwrap();
        content[number * STRIDE] = byte[0];
    }
    file.set_len(content.len() as u64).unwrap();
    content
}

fn has_holes(path: &Path) -> bool {
    let file = File::open(path).unwrap();
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Hole(0)).is_ok_and(|hole| hole < CHECKERED_BYTES as u64 / 2)
}

#[track_caller]
fn assert_content(path: &Path, expected: &[u8]) {
    assert!(std::fs::read(path).unwrap() == expected, "{} has another content", path.display());
}

#[track_caller]
fn assert_sparse(path: &Path, bytes_max: u64) {
    let allocated = File::open(path).unwrap().metadata().unwrap().blocks() * 512;
    assert!(allocated <= bytes_max, "{} occupies {allocated} bytes", path.display());
}

#[test]
fn a_file_with_very_many_holes_is_the_same_everywhere() {
    let sandbox = Sandbox::with_repository();
    let path = sandbox.source("checkered");
    let content = write_checkered(&path);
    if !has_holes(&path) {
        return skip("the file system has no holes");
    }
    let data_bytes = (EXTENTS * BLOCK_BYTES) as u64;
    let backup = sandbox.backup(&[]);
    assert!(backup["bytes_read"].as_u64().unwrap() <= data_bytes + BLOCK_BYTES as u64, "{backup:#}");
    assert_eq!(sandbox.backup(&[])["files_unchanged"], 1);
    sandbox.restore("latest", "restored", &["--verify"]);
    let restored = sandbox.path("restored/checkered");
    assert_content(&restored, &content);
    assert_sparse(&restored, data_bytes + (1 << 20));
    let printed = sandbox.run(&["cat", "latest:checkered"]).expect(0);
    assert!(printed.stdout == content, "printed");
    // One hole of the target is filled, and one run of data is wrong.
    File::options()
        .write(true)
        .open(&restored)
        .unwrap()
        .write_all_at(b"no hole", 5 * STRIDE as u64 + 5000)
        .unwrap();
    File::options().write(true).open(&restored).unwrap().write_all_at(b"wrong", 9 * STRIDE as u64).unwrap();
    sandbox.restore("latest", "restored", &["--verify"]);
    assert_content(&restored, &content);
    assert_sparse(&restored, data_bytes + (1 << 20));
    sandbox.check_all_data();
    let other = sandbox.path("other");
    let to = other.to_str().unwrap();
    sandbox.run(&["copy", "--init", "--to", to]).expect(0);
    sandbox.run(&["restore", "latest", "--target", "of-copy", "-r", to]).expect(0);
    assert_content(&sandbox.path("of-copy/checkered"), &content);
    assert_sparse(&sandbox.path("of-copy/checkered"), data_bytes + (1 << 20));
}

#[test]
fn a_huge_file_takes_as_long_as_its_data() {
    let sandbox = Sandbox::with_repository();
    let file = File::create(sandbox.source("islands")).unwrap();
    if file.set_len(8 << 40).is_err() {
        return skip("the file system has no files of 8 TiB");
    }
    for offset in ISLANDS {
        file.write_all_at(&bytes(offset, BLOCK_BYTES), offset).unwrap();
    }
    let reserved = File::create(sandbox.source("reserved")).unwrap();
    rustix::fs::fallocate(&reserved, rustix::fs::FallocateFlags::empty(), 0, 5 << 20).unwrap();
    let backup = sandbox.backup(&[]);
    assert!(backup["bytes_read"].as_u64().unwrap() < 6 << 20, "holes were read: {backup:#}");
    sandbox.restore("latest", "restored", &[]);
    let mut restored = File::open(sandbox.path("restored/islands")).unwrap();
    assert_eq!(restored.metadata().unwrap().len(), 8 << 40);
    assert_sparse(&sandbox.path("restored/islands"), 1 << 20);
    for offset in ISLANDS {
        let mut content = vec![0; BLOCK_BYTES];
        restored.seek(SeekFrom::Start(offset)).unwrap();
        restored.read_exact(&mut content).unwrap();
        assert_eq!(content, bytes(offset, BLOCK_BYTES), "{offset}");
    }
    assert_content(&sandbox.path("restored/reserved"), &vec![0; 5 << 20]);
    sandbox.check_all_data();
}
