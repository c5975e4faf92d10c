//! Options of `doctor`.

use clap::{Args, ValueEnum};
use icecore_operations::doctor::Role;

/// Find problems that would make backups or restores fail: permissions, rules, clock, cache
///
/// On S3, writes, reads, overwrites and deletes small objects below `probe/`. Changes nothing else, and needs
/// no key.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore doctor --repository s3://bucket/prefix
  icecore doctor --repository s3://bucket/prefix --print-policy writer
  icecore doctor --repository s3://bucket/prefix --print-policy bucket")]
pub(crate) struct DoctorArguments {
    /// Print the minimum IAM policy for a role, or the bucket policy, and exit
    #[arg(long, value_name = "ROLE", value_enum)]
    pub(crate) print_policy: Option<RoleArgument>,
}

/// Whose policy is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArgument {
    /// Makes backups; cannot delete, and can overwrite only the state of its snapshots
    Writer,
    /// Reads only
    Restorer,
    /// Everything: creates repositories, manages keys, deletes
    Maintainer,
    /// The bucket policy: denies all users requests that would overwrite objects
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
