use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;

const NOBODY: u32 = 65534;

/// Runs the tests of this file as another user if they run as root; returns whether to continue here.
fn is_unprivileged(test: &str) -> bool {
    if !is_root() {
        return true;
    }
    let name = format!("target::tests::unprivileged::{test}");
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new(program).args(["--exact", &name]).uid(NOBODY).gid(NOBODY).current_dir("/").output();
    // Other users may have no access to the program itself.
    if let Ok(output) = output {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
    false
}

fn aspects(warnings: &[ApplyWarning]) -> Vec<AppliedAspect> {
    warnings.iter().map(|warning| warning.aspect.clone()).collect()
}

#[test]
fn what_needs_privilege_becomes_a_warning() {
    if !is_unprivileged("what_needs_privilege_becomes_a_warning") {
        return;
    }
    let bed = TargetBed::new();
    let wanted = Metadata { user_id: 0, group_id: 0, ..metadata(EntryKind::File, 0o6755) };
    let attributes = vec![
        (
            b"security.capability".to_vec(),
            vec![1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (b"trusted.any".to_vec(), b"1".to_vec()),
        (b"user.any".to_vec(), b"1".to_vec()),
    ];
    let file = bed.tree.create_file(b"file", 0).unwrap();
    let warnings = file.finish(&wanted, &attributes, &ApplyOptions::default()).unwrap();
    assert_eq!(
        aspects(&warnings),
        [
            AppliedAspect::ExtendedAttribute(b"trusted.any".to_vec()),
            AppliedAspect::Owner,
            AppliedAspect::SetIdBits,
            AppliedAspect::ExtendedAttribute(b"security.capability".to_vec()),
        ]
    );
    let found = bed.tree.look_up(b"file").unwrap().unwrap();
    assert_eq!((found.mode, found.modified), (0o755, wanted.modified));

    let device = bed.tree.create_special(b"device", EntryKind::CharacterDevice, 1 << 32 | 3, 0o600).unwrap();
    assert_eq!(device.map(|warning| warning.aspect), Some(AppliedAspect::Device));
    assert_eq!(bed.tree.look_up(b"device").unwrap(), None);

    bed.tree.create_symlink(b"link", b"x").unwrap();
    let wanted = Metadata { user_id: 0, ..metadata(EntryKind::Symlink, 0o777) };
    let warnings = bed.tree.apply_metadata(b"link", &wanted, &Vec::new(), &ApplyOptions::default()).unwrap();
    assert_eq!(aspects(&warnings), [AppliedAspect::Owner]);
    assert_eq!(bed.tree.look_up(b"link").unwrap().unwrap().modified, wanted.modified);
}

#[test]
fn closed_files_and_directories_of_the_user_are_no_obstacle() {
    if !is_unprivileged("closed_files_and_directories_of_the_user_are_no_obstacle") {
        return;
    }
    let bed = TargetBed::new();
    for mode in [0o000, 0o300, 0o500] {
        let name = format!("directory-{mode:o}");
        fs::create_dir_all(bed.inside(&name).join("inner/inner")).unwrap();
        fs::write(bed.inside(&name).join("inner/file"), "").unwrap();
        fs::write(bed.inside(&name).join("closed"), "").unwrap();
        for path in ["closed", "inner/inner", "inner", ""] {
            fs::set_permissions(bed.inside(&name).join(path), PermissionsExt::from_mode(mode)).unwrap();
        }
        // A directory is opened for its owner, and closed again when its metadata is applied.
        assert_eq!(bed.tree.create_directory(name.as_bytes()).unwrap(), DirectoryOutcome::Existed);
        bed.write(&format!("{name}/new"), b"content").unwrap();
        let wanted = metadata(EntryKind::File, mode);
        let attributes = vec![(b"user.any".to_vec(), b"1".to_vec())];
        bed.apply_with_attributes(&format!("{name}/closed"), &wanted, &attributes);
        bed.apply_with_attributes(&format!("{name}/closed"), &wanted, &attributes);
        assert_eq!(bed.tree.look_up(format!("{name}/closed").as_bytes()).unwrap().unwrap().mode, mode);
        bed.apply(&name, &metadata(EntryKind::Directory, mode));
        assert_eq!(bed.tree.look_up(name.as_bytes()).unwrap().unwrap().mode, mode);
        assert!(bed.tree.remove_tree(name.as_bytes()).unwrap());
    }
    assert_eq!(bed.tree.list_directory(b"").unwrap(), []);
}

#[test]
fn removal_goes_on_after_a_failure() {
    // In a directory with the sticky bit, another user cannot remove the objects of root.
    let directory = std::env::temp_dir().join("icecore-removal-test");
    if is_root() {
        fs::create_dir_all(directory.join("tree/a")).unwrap();
        fs::create_dir_all(directory.join("tree/b")).unwrap();
        for path in ["tree/a/foreign", "tree/b/foreign"] {
            fs::write(directory.join(path), "").unwrap();
        }
        for path in ["", "tree", "tree/a"] {
            fs::set_permissions(directory.join(path), PermissionsExt::from_mode(0o1777)).unwrap();
        }
        fs::set_permissions(directory.join("tree/b"), PermissionsExt::from_mode(0o777)).unwrap();
        is_unprivileged("removal_goes_on_after_a_failure");
        fs::remove_dir_all(directory).unwrap();
    } else if directory.exists() {
        let tree = TargetTree::open(&directory).unwrap();
        let error = tree.remove_tree(b"tree").unwrap_err();
        assert!(error.is_permission_denied(), "{error:?}");
        assert!(tree.look_up(b"tree/a/foreign").unwrap().is_some());
        assert!(tree.look_up(b"tree/b/foreign").unwrap().is_none());
    }
}
