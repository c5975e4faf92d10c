//! The option of commands that read, for repositories from which snapshots disappeared.

use clap::Args;

/// What a command that reads does if snapshots disappeared.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct RollbackArguments {
    /// Go on although snapshots disappeared, or the repository was rolled back
    ///
    /// Every command looks at the log of the repository before it reads. If the newest snapshot may have been
    /// removed, or an older copy of the repository was put in its place, the command ends with exit code 20.
    /// With this option it warns and takes the newest snapshot that is there. `icecore check
    /// --accept-rollback` accepts the loss for good.
    #[arg(long)]
    pub(crate) ignore_rollback: bool,
}
