//! Why a repository cannot be reached, unlocked or created.

use std::{io, path::PathBuf, process::ExitStatus};

use icecore_aws::{ColdRule, KmsError, ProbeError, ProfileError, StorageClassError, TrustError};
use icecore_catalog::CatalogError;
use icecore_format::{error::FormatError, ids::RepositoryId};
use icecore_repo::error::RepoError;
use icecore_store::{error::StoreError, location::LocationError};

use crate::origin::{CredentialOrigin, ProfileOrigin, SecretFileKind, TrustOrigin};

/// Result of a step on the way to a repository.
pub type AccessResult<T> = Result<T, AccessError>;

/// Why a repository cannot be reached, unlocked or created. Never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// A call of the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// No catalogue can be kept.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The server cannot hold a repository.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The location cannot be understood.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,

    /// No location was given.
    #[error("no repository is given")]
    NoLocation,
    /// This build has no store for such a location.
    #[error("unsupported repository location: {location}")]
    UnsupportedLocation {
        /// The location.
        location: String,
    },
    /// A directory supports any number of writers anyway.
    #[error("only a repository on S3 can be for a single writer")]
    SingleWriterDirectory,

    /// The address of the server is not a URL.
    #[error("{url:?} is not the URL of a server")]
    NoServerUrl {
        /// The address as given.
        url: String,
    },
    /// The address belongs to Amazon, but no repository can be used there.
    #[error("{url:?} {kind}")]
    UnusableEndpoint {
        /// The address.
        url: String,
        /// Kind of the address.
        kind: UnusableEndpoint,
    },
    /// A key for encryption by the server is set, but this encryption is not used.
    #[error("kms-key in the configuration file is only used with encryption = \"sse-kms\"")]
    UnusedKmsKey,
    /// A storage class cannot be used.
    #[error("{setting} in the configuration file")]
    StorageClass {
        /// Name of the setting.
        setting: &'static str,
        /// Why it cannot be used.
        source: StorageClassError,
    },
    /// A rule of the bucket would harm a repository.
    #[error("{rule}, which would make a repository at {location} unreadable")]
    HarmfulRule {
        /// The rule.
        rule: ColdRule,
        /// Location of the repository.
        location: String,
    },
    /// A file with certificates cannot be read.
    #[error("failed to read {} ({origin})", path.display())]
    CertificatesUnreadable {
        /// The file.
        path: PathBuf,
        /// Where the file was named.
        origin: TrustOrigin,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// A file has no usable certificates.
    #[error("failed to use {} ({origin}): failed to {source}", path.display())]
    CertificatesUnusable {
        /// The file.
        path: PathBuf,
        /// Where the file was named.
        origin: TrustOrigin,
        /// Whether the file is in PEM form.
        is_pem: bool,
        /// Why it cannot be used.
        source: TrustError,
    },
    /// There is no such AWS profile.
    #[error("failed to {source} ({origin}) in {}", join_paths(files))]
    MissingProfile {
        /// Where the profile was named.
        origin: ProfileOrigin,
        /// Files that were searched.
        files: Vec<PathBuf>,
        /// The missing profile.
        source: ProfileError,
    },

    /// Several credentials are given in the same way.
    #[error("both {} are given {origin}", names.join(" and "))]
    SeveralCredentials {
        /// Names of the credentials.
        names: Vec<&'static str>,
        /// Where they were given.
        origin: CredentialOrigin,
    },
    /// A file cannot be read, written or moved.
    #[error("failed to {operation} {}", path.display())]
    File {
        /// Operation that failed.
        operation: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file with a secret cannot be read.
    #[error("failed to read the {kind} {}", path.display())]
    SecretFile {
        /// Its kind.
        kind: SecretFileKind,
        /// Path of the file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// A file is too long to hold a secret.
    #[error("the {kind} {} is longer than {bytes_max} bytes", path.display())]
    SecretFileTooLong {
        /// Kind of file that was expected.
        kind: SecretFileKind,
        /// Path of the file.
        path: PathBuf,
        /// Maximum number of bytes.
        bytes_max: u64,
    },
    /// A file that should hold a key is not text.
    #[error("{} is not a valid key file: it is not text", path.display())]
    KeyFileNotText {
        /// The file.
        path: PathBuf,
    },
    /// A file that should hold a key holds something else.
    #[error("{} is not a valid key file: {}", path.display(), malformation(fault))]
    KeyFileMalformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FormatError,
    },
    /// A key file was made for another repository.
    #[error("the key file {} belongs to the repository {found}, not to {repository}", path.display())]
    ForeignKeyFile {
        /// The file.
        path: PathBuf,
        /// The repository that it was made for.
        found: RepositoryId,
        /// The repository that is to be unlocked.
        repository: RepositoryId,
    },
    /// The password file is empty.
    #[error("the password file is empty")]
    PasswordFileEmpty,
    /// The password command printed nothing.
    #[error("the password command printed nothing")]
    PasswordCommandSilent,
    /// The password is empty.
    #[error("the password is empty")]
    PasswordEmpty,
    /// The password command cannot be run.
    #[error("the password command failed")]
    PasswordCommand(#[source] io::Error),
    /// The password command printed more than a password can have.
    #[error("the password command failed: it printed more than {bytes_max} bytes")]
    PasswordCommandTooLong {
        /// Maximum number of bytes of a password.
        bytes_max: u64,
    },
    /// The password command ended with a failure.
    #[error("the password command failed: {0}")]
    PasswordCommandFailed(ExitStatus),
    /// The user could not be asked.
    #[error("failed to ask for the password")]
    Prompt(#[source] io::Error),

    /// The user ended the input instead of entering a password.
    #[error("no password was entered")]
    NoPasswordEntered,
    /// No password that the user entered opens the repository.
    #[error("none of the passwords opens the repository")]
    NoPasswordOpens,
    /// Nothing was given, and the generated key file does not open the repository.
    #[error("{source} (tried the key file {})", path.display())]
    GeneratedKeyRefused {
        /// The generated key file.
        path: PathBuf,
        /// Why it does not open.
        source: Box<RepoError>,
    },
    /// No credential is given, and nobody can be asked.
    #[error("no key or password is given for the repository{}", missing_file(looked.as_ref()))]
    NoCredential {
        /// Path at which a generated key file was expected.
        looked: Option<PathBuf>,
    },
    /// Only a key file opens the repository, and none was found.
    #[error(
        "only a key file opens the repository {repository} at {location}, but none was given or found: {}",
        looked_for(looked.as_ref())
    )]
    NoKeyFile {
        /// The repository.
        repository: RepositoryId,
        /// Location of the repository.
        location: String,
        /// Path at which the key file was expected.
        looked: Option<PathBuf>,
        /// A key file of another user that opens it, or may open it.
        elsewhere: Option<Box<KeyFileElsewhere>>,
    },
    /// A key of AWS KMS that should unlock the repository cannot be used.
    #[error("failed to {0}")]
    KmsUnlock(#[source] KmsError),
    /// A key of AWS KMS that should become a key of the repository cannot be used.
    #[error("failed to {0}")]
    KmsNewKey(#[source] KmsError),
    /// There are objects of a repository, but no header.
    #[error(
        "the header of the repository at {location} is missing: there are {objects}, but no object `icecore`"
    )]
    HeaderMissing {
        /// Location of the repository.
        location: String,
        /// Kind of these objects.
        objects: &'static str,
    },

    /// The directory of a new repository has other content.
    #[error("{} is neither empty nor a repository: it contains {name:?}", path.display())]
    DirectoryInUse {
        /// The directory.
        path: PathBuf,
        /// A name in it.
        name: String,
    },
    /// A new repository would be inside of another one.
    #[error("{location} is inside the repository {outer}")]
    InsideRepository {
        /// Location of the new repository.
        location: String,
        /// The other one.
        outer: String,
    },
    /// Another repository would be inside of a new one.
    #[error("the repository {inner} is inside {location}")]
    AroundRepository {
        /// Location of the new repository.
        location: String,
        /// The other one.
        inner: String,
    },
    /// The file system of a directory lacks a feature that a repository needs.
    #[error("cannot create a repository in {}", path.display())]
    FileSystem {
        /// The directory.
        path: PathBuf,
        /// The missing feature.
        source: Box<StoreError>,
    },
    /// The location of a new repository has objects of another one without its header.
    #[error("{location} contains objects of a repository ({key}), but its header is missing")]
    LeftOfRepository {
        /// The location.
        location: String,
        /// Key of one of the objects.
        key: String,
    },
    /// There is no directory for a generated key file.
    #[error("there is no home directory for a generated key file")]
    NoHomeForKeyFile,
}

/// Addresses of Amazon's S3 at which no repository can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableEndpoint {
    /// S3 Express One Zone.
    #[error("is an address of S3 Express One Zone, which is not supported")]
    Express,
    /// An access point of several regions.
    #[error("is an address of a multi-region access point, which is not supported")]
    MultiRegion,
    /// An endpoint of a private network, without the part that accepts requests for objects.
    #[error("does not take requests for objects")]
    PrivateNetwork,
    /// Another service.
    #[error("does not take requests for objects")]
    NotForObjects,
    /// An access point.
    #[error("names an access point")]
    AccessPoint,
    /// A bucket.
    #[error("names a bucket; write the bucket in --repository s3://bucket/prefix")]
    Bucket,
}

/// The key file of a repository in another user's directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFileElsewhere {
    /// The file.
    pub path: PathBuf,
    /// The other user.
    pub user: String,
    /// Whether the file certainly exists.
    pub is_certain: bool,
}

/// Returns what is wrong with a key file, without saying that it is one.
fn malformation(fault: &FormatError) -> String {
    match fault {
        FormatError::Malformed { reason, .. } => (*reason).to_owned(),
        other => other.to_string(),
    }
}

fn join_paths(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" and in ")
}

fn missing_file(looked: Option<&PathBuf>) -> String {
    looked.map(|path| format!(" ({} does not exist)", path.display())).unwrap_or_default()
}

fn looked_for(looked: Option<&PathBuf>) -> String {
    match looked {
        Some(path) => format!("{} does not exist", path.display()),
        None => "there is no home directory to look in".to_owned(),
    }
}
