//! Reads further settings of the shared AWS configuration: whether the profile exists, and which certificates
//! it trusts.

use std::{borrow::Cow, path::PathBuf};

use aws_config::profile::load;
use aws_types::os_shim_internal::{Env, Fs};

use crate::options::Credentials;

/// Name of the profile that need not exist.
const PROFILE_DEFAULT: &str = "default";
/// Key of the file with certificates to trust (*Settings reference*, AWS SDKs and Tools Reference Guide).
const CA_BUNDLE: &str = "ca_bundle";

/// Settings of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileSettings {
    /// File with certificates to trust instead of those of the system.
    pub ca_bundle: Option<PathBuf>,
}

/// Why a profile cannot be used. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No file contains the named profile.
    #[error("find the AWS profile {name:?}")]
    Missing {
        /// Name of the profile.
        name: String,
    },
}

/// Reads the profile that provides the credentials, or that the environment names.
///
/// A named profile that does not exist is an error, unless the credentials come from elsewhere.
pub async fn profile_settings(credentials: &Credentials) -> Result<ProfileSettings, ProfileError> {
    let name = match credentials {
        Credentials::Profile { name } => Some(name.clone()),
        Credentials::Chain => None,
        Credentials::Static { .. } => return Ok(ProfileSettings::default()),
    };
    settings(&Fs::real(), &Env::real(), name).await
}

async fn settings(fs: &Fs, env: &Env, name: Option<String>) -> Result<ProfileSettings, ProfileError> {
    let is_explicit = name.is_some();
    #[expect(clippy::default_trait_access, reason = "the type is one of a crate that is not used otherwise")]
    let loaded = load(fs, env, &Default::default(), name.map(Cow::Owned)).await;
    let profiles = match loaded {
        Ok(profiles) => profiles,
        // The SDK reports the same error when it needs them.
        Err(error) => {
            tracing::info!(%error, "the AWS configuration cannot be read");
            return Ok(ProfileSettings::default());
        }
    };
    let name = profiles.selected_profile();
    match profiles.get_profile(name) {
        Some(profile) => Ok(ProfileSettings { ca_bundle: profile.get(CA_BUNDLE).map(PathBuf::from) }),
        None if name == PROFILE_DEFAULT => Ok(ProfileSettings::default()),
        None if !is_explicit && has_keys(env) => Ok(ProfileSettings::default()),
        None => Err(ProfileError::Missing { name: name.to_owned() }),
    }
}

/// Returns whether the environment contains credentials, which have precedence.
fn has_keys(env: &Env) -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .all(|name| env.get(name).is_ok_and(|value| !value.trim().is_empty()))
}

#[cfg(test)]
mod tests;
