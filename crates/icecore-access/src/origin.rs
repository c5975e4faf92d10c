//! Where settings were given, in the user's words.

use std::fmt::{self, Display, Formatter};

/// Where a credential was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialOrigin {
    /// On the command line.
    CommandLine,
    /// In the environment.
    Environment,
    /// In the configuration file.
    Configuration,
}

impl Display for CredentialOrigin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CommandLine => "on the command line",
            Self::Environment => "in the environment",
            Self::Configuration => "in the configuration file",
        })
    }
}

/// Kind of a file with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFileKind {
    /// It holds a key.
    Key,
    /// It holds a password.
    Password,
}

impl Display for SecretFileKind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Key => "key file",
            Self::Password => "password file",
        })
    }
}

/// Where a file with certificates was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustOrigin {
    /// In the settings of the repository.
    Settings,
    /// In the environment variable of AWS's own programs.
    Environment,
    /// In the AWS profile that the credentials come from.
    Profile,
}

impl Display for TrustOrigin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Settings => "--ca-file",
            Self::Environment => "AWS_CA_BUNDLE",
            Self::Profile => "ca_bundle of the AWS profile",
        })
    }
}

/// Where an AWS profile was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileOrigin {
    /// In the settings of the repository.
    Settings,
    /// In the environment variable of AWS's own programs.
    Environment,
}

impl Display for ProfileOrigin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Settings => "--to-profile",
            Self::Environment => "AWS_PROFILE",
        })
    }
}
