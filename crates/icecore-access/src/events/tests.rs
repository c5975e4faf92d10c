use std::error::Error;

use super::{AccessEvents, AccessNotice};
use crate::error::AccessError;

/// Receives notices and ignores them.
#[derive(Debug)]
pub(crate) struct Silence;

impl AccessEvents for Silence {
    fn notice(&self, _notice: AccessNotice<'_>) {}
}

/// Returns the text of an error and those of its causes.
pub(crate) fn with_causes(error: &AccessError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
