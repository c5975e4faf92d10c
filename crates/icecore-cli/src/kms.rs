//! Key slots that a key of AWS KMS opens.

use icecore_aws::{
    Credentials, KmsError, KmsOptions, Unreached, WrappedKey,
    kms::{generate, unwrap},
};
use icecore_format::{
    ids::RepositoryId,
    keys::Secret,
    slot::{Credential, KmsDataKey, SlotKind},
};
use icecore_repo::{
    repository::{LockedRepository, Repository},
    slots::Slot,
};

use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, network_hint, reason},
    trust,
};

/// What to do where a key of KMS is the only one.
pub(crate) const RECOVERY_ADVICE: &str = "if it is deleted, nobody can read the backups; add a password or a key file on \
     paper for that day with `icecore key add`";

/// What to do where KMS does not help.
const OTHER_KEY: &str = "or unlock with --key-file, --password-file or --password-command";

/// What a data key is bound to: KMS unwraps it for nothing else.
fn encryption_context(repository: RepositoryId) -> [(&'static str, String); 2] {
    [("icecore-repository", repository.to_string()), ("icecore-purpose", "key-slot".to_owned())]
}

fn options(context: &Context, region: Option<String>) -> Outcome<KmsOptions> {
    let settings = context.s3_settings();
    let credentials =
        settings.profile.clone().map_or(Credentials::Chain, |name| Credentials::Profile { name });
    let trust = trust::find(context, &credentials)?;
    let region = region.or_else(|| settings.region.clone());
    Ok(KmsOptions { endpoint_url: None, region, credentials, trust })
}

/// Makes a new data key under a key of KMS.
pub(crate) fn new_credential(context: &Context, repository: RepositoryId, key: &str) -> Outcome<Credential> {
    let (options, bound_to) = (options(context, None)?, encryption_context(repository));
    let made = context.drive(generate(&options, key, &bound_to))?;
    let made = made.map_err(|error| {
        let (failure, hint) = explain(&error);
        Failure { hint, ..failure }
    })?;
    let WrappedKey { wrapped, key_arn } = made.wrapped;
    let data_key = KmsDataKey { wrapped, key_arn, region: made.region };
    Ok(Credential::Kms { data_key, secret: Secret::new(*made.secret) })
}

/// Unlocks a repository with the first of its slots of these kinds that KMS lets open; none if there is no slot of KMS.
pub(crate) fn unlock(
    context: &Context,
    locked: &LockedRepository,
    kinds: &[SlotKind],
) -> Outcome<Option<(Repository, Credential)>> {
    let mut failed = None;
    for kind in kinds {
        let SlotKind::Kms(data_key) = kind else { continue };
        let wrapped = WrappedKey { wrapped: data_key.wrapped.clone(), key_arn: data_key.key_arn.clone() };
        let (options, bound_to) =
            (options(context, Some(data_key.region.clone()))?, encryption_context(locked.id()));
        match context.drive(unwrap(&options, &wrapped, &bound_to))? {
            Ok(secret) => {
                let credential = Credential::Kms { data_key: data_key.clone(), secret: Secret::new(*secret) };
                let opened = locked.unlock(std::slice::from_ref(&credential))?;
                return Ok(Some((opened, credential)));
            }
            Err(error) => {
                tracing::info!(key = data_key.key_arn, %error, "a key of KMS cannot be used");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(None), |error| Err(error.into()))
}

/// Recommends another key if KMS is the only way in.
pub(crate) fn advise_recovery(context: &Context, slots: &[Slot]) {
    let mut kinds = slots.iter().filter_map(|slot| slot.info.as_ref().ok()).map(|info| &info.kind);
    if kinds.all(|kind| matches!(kind, SlotKind::Kms(_))) {
        context
            .console
            .warning(&format!("all keys of the repository are keys of AWS KMS: {RECOVERY_ADVICE}"));
    }
}

impl From<KmsError> for Failure {
    /// Makes the failure of a repository that is to be unlocked: another key may do it.
    fn from(error: KmsError) -> Self {
        let (failure, hint) = explain(&error);
        let hint = hint.map_or_else(|| OTHER_KEY.to_owned(), |hint| format!("{hint}, {OTHER_KEY}"));
        failure.hint(hint)
    }
}

/// Returns the failure without a hint, and what to do about the key itself.
fn explain(error: &KmsError) -> (Failure, Option<String>) {
    let (status, hint) = match error {
        KmsError::Denied { permission, .. } => (
            ExitStatus::WrongKey,
            format!(
                "allow {permission} on the key for the user or role, in its policy or in that of the key"
            ),
        ),
        KmsError::Unusable { .. } => {
            (ExitStatus::WrongKey, "enable the key, or cancel its deletion".to_owned())
        }
        KmsError::NotFound { .. } => {
            (ExitStatus::WrongKey, "check name, region and account of the key".to_owned())
        }
        KmsError::Foreign { .. } => (
            ExitStatus::WrongKey,
            "`icecore key list` shows which key each slot takes; another slot may open".to_owned(),
        ),
        KmsError::NoCredentials { .. } => {
            (ExitStatus::Failed, "give credentials of AWS (AWS_PROFILE, a role)".to_owned())
        }
        KmsError::Unreachable(unreached) => {
            let Unreached { endpoint, proxy, cause } = unreached.as_ref();
            let hint = network_hint::of_connection(endpoint, proxy.as_deref(), cause);
            (ExitStatus::Failed, hint.replace("--endpoint-url", "AWS_ENDPOINT_URL_KMS"))
        }
        KmsError::Unavailable { .. } => (ExitStatus::Failed, "run the same command again later".to_owned()),
        _ => (ExitStatus::Failed, String::new()),
    };
    let hint = Some(hint).filter(|hint| !hint.is_empty());
    (Failure::new(status, format!("failed to {}", reason(error))), hint)
}
