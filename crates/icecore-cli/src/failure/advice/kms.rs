//! Advice about keys of AWS KMS.

use icecore_aws::{KmsError, Unreached};

use super::{Advice, Flag, advice, connection};

/// What to do if a key of KMS is the only one.
pub(crate) const RECOVERY: &str = "if it is deleted, nobody can read the backups; add a password or a key file \
     with `icecore key add`, and keep it elsewhere";

/// Returns what to do about the key itself.
pub(in crate::failure) fn of(error: &KmsError) -> Option<Advice> {
    let advice = match error {
        KmsError::Denied { permission, .. } => format!(
            "allow {permission} on the key for the user or role, in its IAM policy or in the key policy"
        )
        .into(),
        KmsError::Unusable { .. } => "enable the key, or cancel its deletion".into(),
        KmsError::NotFound { .. } => "check the name, region and account of the key".into(),
        KmsError::Foreign { .. } => {
            "`icecore key list` shows the key of each slot; another slot may unlock the repository".into()
        }
        KmsError::NoCredentials { .. } => "provide AWS credentials (AWS_PROFILE or a role)".into(),
        KmsError::Unreachable(unreached) => {
            let Unreached { endpoint, proxy, cause } = unreached.as_ref();
            connection::of(endpoint, proxy.as_deref(), cause, "AWS_ENDPOINT_URL_KMS".into())
        }
        KmsError::Unavailable { .. } => "run the same command again later".into(),
        _ => return None,
    };
    Some(advice)
}

/// Returns what to do about a key that should unlock a repository: another key may unlock it.
pub(in crate::failure) fn of_unlocking(error: &KmsError) -> Advice {
    let other =
        advice!["or unlock with ", Flag::KeyFile, ", ", Flag::PasswordFile, " or ", Flag::PasswordCommand];
    match of(error) {
        Some(advice) => advice.and(", ".into()).and(other),
        None => other,
    }
}
