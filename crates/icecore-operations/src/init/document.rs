//! A new repository as JSON: a section of `docs/json.md`.

use icecore_access::creation::Created;
use icecore_format::slot::Credential;
use serde::Serialize;

/// Information about a new repository that the user needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreatedDocument {
    /// Its id.
    pub repository: String,
    /// Its location.
    pub location: String,
    /// Kind of its first key: `password`, `key-file` or `kms`.
    pub credential: &'static str,
    /// Key file that opens it.
    pub key_file: Option<String>,
    /// Whether the key file was just created.
    pub key_file_generated: bool,
}

impl From<&Created> for CreatedDocument {
    fn from(created: &Created) -> Self {
        let Created { repository, store, key } = created;
        Self {
            repository: repository.id().to_string(),
            location: store.store.location(),
            credential: match key.credential {
                Credential::Password(_) => "password",
                Credential::KeyFile(_) => "key-file",
                Credential::Kms { .. } => "kms",
            },
            key_file: key.file.as_ref().map(|path| path.display().to_string()),
            key_file_generated: key.is_generated,
        }
    }
}
