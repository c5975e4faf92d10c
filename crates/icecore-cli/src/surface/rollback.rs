//! How a command ends that shows or copies all existing snapshots.

use icecore_operations::{error::OperationError, look::Ending};

use super::console::Console;
use crate::failure::{Failure, exit_status::ExitStatus};

/// Reports at the end whether snapshots disappeared, and returns how the command ends.
pub(crate) fn end(console: &Console, ending: Ending) -> ExitStatus {
    match ending {
        Ending::Well => ExitStatus::Done,
        Ending::Alarmed => {
            let alarm = Failure::from(OperationError::RolledBack);
            console.failure(&alarm);
            alarm.status
        }
        Ending::Ignored => {
            warn(console);
            ExitStatus::Done
        }
    }
}

/// Warns that snapshots disappeared if a command continues anyway.
pub(crate) fn warn(console: &Console) {
    let alarm = Failure::from(OperationError::RolledBack);
    console.warning(&alarm.message);
    console.warning(&alarm.hint.map(String::from).unwrap_or_default());
}
