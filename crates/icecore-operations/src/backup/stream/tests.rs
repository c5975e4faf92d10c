use std::{
    ffi::OsString,
    sync::{Arc, atomic::AtomicBool},
};

use icecore_backup::request::BackupSource;

use super::{SourceKind, StreamChoice, open};
use crate::error::OperationResult;

/// Result of reading, and how the command ended.
type Read = (Result<Vec<u8>, String>, Result<(), String>);

fn run(words: &[&str], cancelled: bool) -> OperationResult<Read> {
    let program = words.iter().map(OsString::from).collect();
    let kind = SourceKind::Stream(StreamChoice::Command { file_name: "out".into(), program });
    let source = open(kind, &Arc::new(AtomicBool::new(cancelled)), false)?;
    let BackupSource::Stream { mut input, finish, .. } = source else { panic!("no stream") };
    let mut bytes = Vec::new();
    let read = input.read_to_end(&mut bytes).map_err(|error| error.to_string());
    // Like the engine: if reading failed, it does not ask how the command ended.
    Ok(if read.is_ok() { (read.map(|_| bytes), finish()) } else { (read.map(|_| bytes), Ok(())) })
}

#[test]
fn the_output_of_a_command_is_read_to_its_end() {
    let (bytes, end) = run(&["sh", "-c", "printf a; sleep 0; printf b"], false).unwrap();
    assert_eq!((bytes.unwrap(), end), (b"ab".to_vec(), Ok(())));
}

#[test]
fn a_command_that_fails_says_so_at_its_end() {
    let (bytes, end) = run(&["sh", "-c", "printf half; exit 3"], false).unwrap();
    assert_eq!((bytes.unwrap(), end), (b"half".to_vec(), Err("exit status: 3".to_owned())));
    assert!(run(&["/nonexistent/program"], false).is_err());
}

#[test]
fn a_silent_command_does_not_delay_the_end() {
    let (bytes, _) = run(&["sleep", "1000"], true).unwrap();
    assert_eq!(bytes, Err("interrupted".to_owned()));
}
