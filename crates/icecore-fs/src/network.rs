//! Finds out whether a file system is on this machine or on a network.

use std::path::Path;

/// Numbers and names of the file systems that several machines share over a network (statfs(2),
/// linux/magic.h); EFS is NFS.
const SHARED: [(u32, &str); 10] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "CIFS"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x7375_7245, "Coda"),
];
/// Number of FUSE, whose file systems may be local or on a network.
const FUSE: u32 = 0x6573_5546;

/// Names the network file system that `path` lies on, if it is one: its locks and shared mappings do not hold
/// between machines. Returns `None` if that cannot be found out.
pub fn shared_file_system(path: &Path) -> Option<&'static str> {
    shared_name(magic(path)?)
}

/// Returns whether `path` lies on a file system that may need the network for every answer, so that many
/// concurrent requests are faster than few. Returns `false` if this is unknown.
pub fn is_network_file_system(path: &Path) -> bool {
    magic(path).is_some_and(may_cross_network)
}

fn magic(path: &Path) -> Option<u32> {
    #[expect(
        clippy::cast_sign_loss,
        reason = "the kernel's magic numbers are 32 bits, whatever type they come in"
    )]
    rustix::fs::statfs(path).ok().map(|found| found.f_type as u32)
}

fn shared_name(magic: u32) -> Option<&'static str> {
    SHARED.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

fn may_cross_network(magic: u32) -> bool {
    magic == FUSE || shared_name(magic).is_some()
}

#[cfg(test)]
mod tests;
