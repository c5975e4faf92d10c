//! Whose certificates are trusted, and whether the AWS profile that was named exists.

use std::{
    fs,
    path::{Path, PathBuf},
};

use icecore_aws::{Credentials, ProfileError, Trust, TrustError, profile_settings};

use crate::{
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    process::environment_variables::{self, AWS_CA_BUNDLE, AWS_FILES, HOME},
};

/// How each part of a file in PEM form begins.
const PEM: &[u8] = b"-----BEGIN ";

/// Finds out whose certificates are trusted: those in `--ca-file`, else in `AWS_CA_BUNDLE`, else in `ca_bundle` of the profile
/// that the credentials come from, else those of this machine. Fails if there is no such profile.
pub(crate) fn find(context: &Context, credentials: &Credentials) -> Outcome<Trust> {
    let profile = context.environment.runtime.block_on(profile_settings(credentials));
    let profile = profile.map_err(|error| missing_profile(&error, credentials, &aws_files()))?;
    let given = context.s3_settings().ca_file.clone().map(|path| (path, "--ca-file"));
    let environment = || environment_variables::read(AWS_CA_BUNDLE).map(|path| (path.into(), AWS_CA_BUNDLE));
    let of_profile = profile.ca_bundle.map(|path| (path, "ca_bundle of the AWS profile"));
    match given.or_else(environment).or(of_profile) {
        Some((path, origin)) => read(&path, origin),
        None => Ok(Trust::default()),
    }
}

fn read(path: &Path, origin: &str) -> Outcome<Trust> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| {
        Failure::new(ExitStatus::Failed, format!("failed to read {shown} ({origin}): {}", reason(&error)))
            .hint("give a file with certificates in PEM form")
    })?;
    Trust::only(&bytes).map_err(|error| {
        let message = format!("failed to use {shown} ({origin}): failed to {}", reason(&error));
        let hint = match error {
            TrustError::NoCertificate if bytes.windows(PEM.len()).any(|text| text == PEM) => {
                "the file is in PEM form, but holds no certificate: give the one of the authority".to_owned()
            }
            TrustError::NoCertificate => {
                format!("write it in PEM form: openssl x509 -inform der -in {shown} -out certificate.pem")
            }
            _ => "give a file with certificates in PEM form".to_owned(),
        };
        Failure::new(ExitStatus::Failed, message).hint(hint)
    })
}

/// Returns the files in which profiles are looked for.
fn aws_files() -> Vec<PathBuf> {
    let home = environment_variables::read(HOME).map(PathBuf::from).unwrap_or_default();
    let file = |(variable, default): (&str, &str)| {
        environment_variables::read(variable).map_or_else(|| home.join(default), PathBuf::from)
    };
    AWS_FILES.into_iter().map(file).collect()
}

fn missing_profile(error: &ProfileError, credentials: &Credentials, files: &[PathBuf]) -> Failure {
    let origin = match credentials {
        Credentials::Profile { .. } => "--to-profile",
        _ => "AWS_PROFILE",
    };
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let message = format!("failed to {} ({origin}) in {}", reason(error), files.join(" and in "));
    Failure::new(ExitStatus::Failed, message)
        .hint("check its name: `aws configure list-profiles` shows which ones there are")
}

#[cfg(test)]
mod tests;
