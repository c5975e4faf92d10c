use std::{ffi::OsStr, io, path::Path};

use icecore_restore::{NoEvents, OwnerMapping, RestoreError};

use super::{confirm, system_directory};
use crate::{
    error::{OperationError, OperationResult},
    reference,
    restore::{Base, Include, RestoreRefusal, RestoreRequest, RestoreSink, SnapshotNotice, TargetChoice},
};

/// Gives one answer to every question, or none where nobody can be asked.
struct Answer(Option<bool>);

impl RestoreSink for Answer {
    type Events = NoEvents;

    fn notice(&mut self, _: SnapshotNotice<'_>) {}

    fn may_restore_into(&mut self, _: &Path, _: &str) -> io::Result<Option<bool>> {
        Ok(self.0)
    }

    fn may_delete(&mut self, _: &RestoreError) -> io::Result<bool> {
        Ok(self.0.unwrap_or(false))
    }

    fn begin(&mut self, _: &icecore_restore::RestoreRequest) -> NoEvents {
        NoEvents
    }

    fn end(&mut self, _: NoEvents) {}

    fn failed(&mut self, _: &icecore_restore::RestoreRequest) -> io::Result<()> {
        Ok(())
    }
}

fn request(target: TargetChoice) -> RestoreRequest {
    RestoreRequest {
        reference: reference::read(OsStr::new("latest")).unwrap(),
        target,
        include: Include::new(Vec::new()).unwrap(),
        base: Base::Any,
        delete: false,
        delete_excluded: false,
        is_confirmed: false,
        verify: false,
        trust_times: false,
        target_metadata: false,
        ignores_rollback: false,
        dry_run: false,
        owners: OwnerMapping::default(),
    }
}

fn is_refused(result: OperationResult<()>) -> bool {
    match result {
        Ok(()) => false,
        Err(OperationError::RestoreRefused(RestoreRefusal::SystemDirectory { .. })) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_directory_of_the_system_needs_a_yes_unless_nobody_can_be_asked_and_it_is_the_original_place() {
    let etc = Path::new("/etc");
    let named = request(TargetChoice::Directory(etc.to_owned()));
    let original = request(TargetChoice::Original);
    for (answer, named_refused, original_refused) in
        [(Some(true), false, false), (Some(false), true, true), (None, true, false)]
    {
        assert_eq!(is_refused(confirm(&named, etc, &mut Answer(answer))), named_refused, "{answer:?}");
        assert_eq!(is_refused(confirm(&original, etc, &mut Answer(answer))), original_refused, "{answer:?}");
    }
    let refusing = || Answer(Some(false));
    for spared in [
        RestoreRequest { is_confirmed: true, ..original.clone() },
        RestoreRequest { dry_run: true, ..original.clone() },
    ] {
        assert!(!is_refused(confirm(&spared, etc, &mut refusing())));
    }
    assert!(!is_refused(confirm(&original, &std::env::temp_dir(), &mut refusing())));
}

#[test]
fn directories_of_the_system_are_known_by_every_name() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    for (path, expected) in [("/", Some("/")), ("/etc/", Some("/etc")), ("/usr/../etc", Some("/etc"))] {
        assert_eq!(system_directory(Path::new(path)), expected, "{path}");
    }
    assert_eq!(system_directory(&link), Some("/etc"));
    assert_eq!(system_directory(directory.path()), None);
    assert_eq!(system_directory(&directory.path().join("new")), None);
}
