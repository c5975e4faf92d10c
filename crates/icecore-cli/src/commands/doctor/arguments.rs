//! Options of `doctor`.

use clap::{Args, ValueEnum};
use icecore_operations::doctor::Role;

/// Look for what would make backups or restores fail: permissions, rules, clock, cache
///
/// Writes, reads, overwrites and deletes small objects below `probe/` on S3. Changes nothing else, and needs no key.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore doctor --repository s3://bucket/prefix
  icecore doctor --repository s3://bucket/prefix --print-policy writer
  icecore doctor --repository s3://bucket/prefix --print-policy bucket")]
pub(crate) struct DoctorArguments {
    /// Print the least IAM policy for a role, or the policy of the bucket, and exit
    #[arg(long, value_name = "ROLE", value_enum)]
    pub(crate) print_policy: Option<RoleArgument>,
}

/// Whose policy is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArgument {
    /// Makes backups; cannot delete, and cannot overwrite anything but its snapshots' state
    Writer,
    /// Reads only
    Restorer,
    /// Everything: creates repositories, manages keys, deletes
    Maintainer,
    /// The bucket itself: refuses requests that would overwrite objects, whoever makes them
    Bucket,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Writer => Self::Writer,
            RoleArgument::Restorer => Self::Restorer,
            RoleArgument::Maintainer => Self::Maintainer,
            RoleArgument::Bucket => Self::Bucket,
        }
    }
}
