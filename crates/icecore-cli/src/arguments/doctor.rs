//! Options of `doctor`.

use clap::{Args, ValueEnum};

/// Look for what would make backups or restores fail: permissions, rules, clock, cache
///
/// Writes, reads and deletes small objects below `probe/` on S3. Changes nothing else, and needs no key.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore doctor --repository s3://bucket/prefix
  icecore doctor --repository s3://bucket/prefix --print-policy writer")]
pub(crate) struct DoctorArguments {
    /// Print the least IAM policy for a role, and do nothing else
    #[arg(long, value_name = "ROLE", value_enum)]
    pub(crate) print_policy: Option<Role>,
}

/// What a host may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Makes backups; cannot delete
    Writer,
    /// Reads only
    Restorer,
    /// Everything: creates repositories, manages keys, deletes
    Maintainer,
}
