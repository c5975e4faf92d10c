use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use super::*;

const MIB: u64 = 1 << 20;

fn source_file(fill: impl FnOnce(&File)) -> SourceFile {
    let directory = tempfile::tempdir().unwrap();
    fill(&File::create(directory.path().join("file")).unwrap());
    let directory = File::open(directory.path()).unwrap();
    SourceFile::open_at(directory.as_fd(), b"file").unwrap()
}

#[test]
fn reads_in_order_and_anywhere() {
    let mut file = source_file(|mut file| file.write_all(b"0123456789").unwrap());
    let mut buffer = [0; 4];
    assert_eq!(file.read(&mut buffer).unwrap(), 4);
    assert_eq!(file.read_at(&mut buffer, 8).unwrap(), 2);
    assert_eq!(&buffer[..2], b"89");
    assert_eq!(file.read(&mut buffer).unwrap(), 4);
    assert_eq!(&buffer, b"4567");
    file.seek_to(9);
    assert_eq!(file.read(&mut buffer).unwrap(), 1);
    assert_eq!(file.read(&mut buffer).unwrap(), 0);
    assert_eq!(file.opened_metadata().size, 10);
    // The file has been renamed or removed; its content is unchanged.
    let now = file.metadata().unwrap();
    assert_eq!((now.size, now.links), (10, 0));
    assert_eq!((now.inode, now.modified), (file.opened_metadata().inode, file.opened_metadata().modified));
}

#[test]
fn a_file_without_holes_is_one_extent() {
    let file = source_file(|mut file| file.write_all(&[1; 10_000]).unwrap());
    assert_eq!(file.data_extents(10_000).unwrap(), [(0, 10_000)]);
    let file = source_file(|_| {});
    assert_eq!(file.data_extents(0).unwrap(), []);
}

#[test]
fn holes_are_left_out() {
    let file = source_file(|file| {
        file.set_len(10 * MIB).unwrap();
        file.write_all_at(&[1; 4096], MIB).unwrap();
        file.write_all_at(&[1; 4096], 5 * MIB).unwrap();
        // Not every file system distinguishes data from extents that are only allocated.
        file.sync_all().unwrap();
    });
    let extents = file.data_extents(10 * MIB).unwrap();
    // A file system without holes reports one extent; block sizes differ.
    if extents != [(0, 10 * MIB)] {
        assert_eq!(extents.len(), 2);
        for ((start, length), data) in extents.iter().zip([MIB, 5 * MIB]) {
            assert!(*start <= data && start + length >= data + 4096 && *length <= MIB);
        }
        assert_eq!(file.data_extents(2 * MIB).unwrap(), extents[..1]);
        assert_eq!(file.data_extents(MIB / 2).unwrap(), []);
    }
    let empty = source_file(|file| file.set_len(MIB).unwrap());
    assert!(matches!(empty.data_extents(MIB).unwrap()[..], [] | [(0, MIB)]));
}

#[test]
fn reading_is_not_disturbed_by_asking_for_extents() {
    let mut file = source_file(|file| {
        file.write_all_at(b"start", 0).unwrap();
        file.write_all_at(b"end", MIB).unwrap();
    });
    let mut buffer = [0; 5];
    file.data_extents(MIB + 3).unwrap();
    assert_eq!(file.read(&mut buffer).unwrap(), 5);
    assert_eq!(&buffer, b"start");
}

#[test]
fn each_of_very_many_extents_is_found() {
    const COUNT: u64 = 20_000;
    let file = source_file(|file| {
        for number in 0..COUNT {
            file.write_all_at(&[1; 4096], number * 16384).unwrap();
        }
        file.set_len(COUNT * 16384).unwrap();
    });
    let extents = file.data_extents(COUNT * 16384).unwrap();
    if extents != [(0, COUNT * 16384)] {
        let expected: Vec<(u64, u64)> = (0..COUNT).map(|number| (number * 16384, 4096)).collect();
        assert!(extents == expected, "{} extents", extents.len());
    }
}

#[test]
fn only_regular_files_are_opened() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("directory")).unwrap();
    let directory = File::open(directory.path()).unwrap();
    rustix::fs::mknodat(&directory, "fifo", rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    for name in ["directory", "fifo"] {
        let error = SourceFile::open_at(directory.as_fd(), name.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
    }
    let error = SourceFile::open_at(directory.as_fd(), b"missing").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
