//! The option of reading commands for repositories from which snapshots disappeared.

use clap::Args;

/// Behaviour of a reading command if snapshots disappeared.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct RollbackArguments {
    /// Continue although snapshots disappeared or the repository was rolled back
    ///
    /// Every command checks the log of the repository before it reads. If the newest snapshot may have been
    /// removed, or an older copy replaced the repository, the command ends with exit code 20 (`snapshots` and
    /// `copy` still process the existing snapshots before). With this option, it prints a warning and uses
    /// the newest existing snapshot. To accept the loss permanently, run `icecore check --accept-rollback`.
    #[arg(long)]
    pub(crate) ignore_rollback: bool,
}
