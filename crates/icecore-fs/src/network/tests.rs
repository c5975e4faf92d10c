use super::*;

#[test]
fn what_is_on_this_machine_or_not_there_is_on_no_network() {
    for path in ["/proc", "/proc/there/is/no/such/path"].map(Path::new) {
        assert!(!is_network_file_system(path));
        assert_eq!(shared_file_system(path), None);
    }
}

#[test]
fn network_file_systems_are_told_by_their_magic() {
    for (magic, name) in [(0x6969, "NFS"), (0x517B, "SMB"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "CIFS")] {
        assert_eq!(shared_name(magic), Some(name));
        assert!(may_cross_network(magic));
    }
    // ext4, XFS, btrfs, tmpfs, overlayfs, ZFS
    for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
        assert_eq!(shared_name(magic), None);
        assert!(!may_cross_network(magic));
    }
    assert_eq!(shared_name(FUSE), None, "most of what FUSE shows is of this machine only");
    assert!(may_cross_network(FUSE));
}
