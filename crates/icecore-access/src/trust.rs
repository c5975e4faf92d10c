//! Finds trusted certificates, and checks that the named AWS profile exists.

use std::{
    fs,
    path::{Path, PathBuf},
};

use icecore_aws::{Credentials, ProfileError, Trust, profile_settings};

use crate::{
    access::RepositoryAccess,
    error::{AccessError, AccessResult},
    origin::{ProfileOrigin, TrustOrigin},
};

/// How each part of a file in PEM form begins.
const PEM: &[u8] = b"-----BEGIN ";

/// Finds the trusted certificates: from the file in the settings, else from the one in the environment, else
/// from `ca_bundle` of the profile with the credentials, else from this machine. Fails if there is no such
/// profile.
pub(crate) fn find(access: &RepositoryAccess, credentials: &Credentials) -> AccessResult<Trust> {
    let surroundings = &access.surroundings;
    let profile = access.machine.environment.runtime.block_on(profile_settings(credentials));
    let profile = profile.map_err(|error| missing_profile(error, credentials, &surroundings.aws_files))?;
    let given = access.s3.ca_file.clone().map(|path| (path, TrustOrigin::Settings));
    let environment = || surroundings.aws_ca_bundle.clone().map(|path| (path, TrustOrigin::Environment));
    let of_profile = profile.ca_bundle.map(|path| (path, TrustOrigin::Profile));
    match given.or_else(environment).or(of_profile) {
        Some((path, origin)) => read(&path, origin),
        None => Ok(Trust::default()),
    }
}

fn read(path: &Path, origin: TrustOrigin) -> AccessResult<Trust> {
    let bytes = fs::read(path).map_err(|source| AccessError::CertificatesUnreadable {
        path: path.to_owned(),
        origin,
        source,
    })?;
    Trust::only(&bytes).map_err(|source| AccessError::CertificatesUnusable {
        path: path.to_owned(),
        origin,
        is_pem: bytes.windows(PEM.len()).any(|text| text == PEM),
        source,
    })
}

fn missing_profile(source: ProfileError, credentials: &Credentials, files: &[PathBuf]) -> AccessError {
    let origin = match credentials {
        Credentials::Profile { .. } => ProfileOrigin::Settings,
        _ => ProfileOrigin::Environment,
    };
    AccessError::MissingProfile { origin, files: files.to_vec(), source }
}

#[cfg(test)]
mod tests;
