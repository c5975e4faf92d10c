//! Finds out whether a file system is on this machine or on a network.

use std::path::Path;

/// Numbers of file systems that may need the network for every answer (statfs(2), linux/magic.h): NFS (and
/// EFS), SMB, CIFS (two), Ceph, Lustre, FUSE.
const NETWORK_MAGIC: [u32; 7] =
    [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x00C3_6400, 0x0BD0_0BD0, 0x6573_5546];

/// Says whether `path` lies on a file system that may need the network for every answer, so that many
/// concurrent requests are faster than few. Returns `false` if this is unknown.
pub fn is_network_file_system(path: &Path) -> bool {
    #[expect(
        clippy::cast_sign_loss,
        reason = "the kernel's magic numbers are 32 bits, whatever type they come in"
    )]
    rustix::fs::statfs(path).is_ok_and(|found| NETWORK_MAGIC.contains(&(found.f_type as u32)))
}

#[cfg(test)]
mod tests;
