//! The facts behind the findings, without sentences.

use std::{path::PathBuf, time::Duration};

use icecore_access::AccessError;
use icecore_aws::{ColdRule, Versioning};
use icecore_format::{entry::Time, ids::RepositoryId};
use icecore_repo::{error::RepoError, snapshots::ClockError};
use icecore_store::StoreError;

/// A fact.
#[derive(Debug)]
pub enum Fact {
    /// It could not be examined, or it makes the repository unusable.
    Failed(AccessError),
    /// About the repository.
    Repository(RepositoryFact),
    /// About a bucket and its server.
    Bucket(BucketFact),
    /// About a directory.
    Directory(DirectoryFact),
    /// About the cache.
    Cache(CacheFact),
}

/// A fact about the repository itself.
#[derive(Debug)]
pub enum RepositoryFact {
    /// It exists.
    Found {
        /// Its id.
        repository: RepositoryId,
        /// Its location.
        location: String,
    },
    /// It does not exist.
    Missing(RepoError),
    /// Nobody can unlock it, because no key slot can be read.
    NoKeySlot,
    /// Other keys than those of AWS KMS unlock it, too.
    OwnWayIn {
        /// Number of key slots.
        slots: u64,
        /// Some of them are for keys of AWS KMS.
        has_kms: bool,
    },
    /// Only keys of AWS KMS unlock it.
    OnlyKms {
        /// Region of the key of each slot.
        regions: Vec<String>,
        /// All keys are in the region of the bucket.
        is_bucket_region: bool,
    },
    /// No key is available, so the times of the snapshots were not compared.
    TimesUnknown,
    /// The times of the snapshots agree with their order.
    TimesAgree,
    /// The times of these snapshots contradict their order.
    TimesWrong(Vec<WrongTime>),
    /// The store's time of an object is in the future for this machine.
    MachineBehind {
        /// The time of the store.
        written: Time,
    },
}

/// A snapshot whose time cannot be right.
#[derive(Clone, Debug)]
pub struct WrongTime {
    /// Id of the snapshot.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its host.
    pub host: String,
    /// The time.
    pub started: Time,
    /// What is wrong with the clock of the host.
    pub clock: ClockError,
}

/// A fact about a bucket and its server.
#[derive(Debug)]
pub enum BucketFact {
    /// The region of the bucket.
    Region(String),
    /// The repository was created for one writer at a time.
    OneWriter,
    /// Conditional requests are honoured.
    ConditionsHonoured,
    /// Conditional requests are not honoured.
    ConditionsIgnored {
        /// What the server does; can follow "the server".
        ignored: String,
    },
    /// A policy does not allow to write.
    WritingForbidden(StoreError),
    /// Reads are answered correctly.
    ReadsCorrect,
    /// Reads are refused or answered wrongly.
    ReadsWrong {
        /// What the server does; each can follow "the server".
        answers: Vec<String>,
    },
    /// Damage that these credentials could do.
    Powers {
        /// Overwrite objects without a condition.
        overwrites: bool,
        /// Delete objects.
        deletes: bool,
    },
    /// The clocks of machine and server agree.
    ClocksAgree,
    /// They do not.
    ClocksDiffer(Duration),
    /// The server does not send its time.
    ClockUnknown,
    /// About the lifecycle rules of the bucket.
    Rules(RuleFact),
    /// Whether the bucket keeps replaced and deleted objects.
    Versioning(Versioning),
    /// About archived metadata.
    Archive(ArchiveFact),
}

/// A fact about the lifecycle rules of a bucket.
#[derive(Clone, Debug)]
pub enum RuleFact {
    /// They cannot be read.
    Unknown,
    /// A rule harms the repository.
    Harmful(ColdRule),
    /// No rule harms the repository.
    NoneHarmful,
    /// No rule removes uploads that were never completed.
    NoAbort,
}

/// A fact about metadata in storage classes that must be thawed.
#[derive(Clone, Debug)]
pub enum ArchiveFact {
    /// There is none.
    Nothing,
    /// There is some.
    Archived {
        /// Number of objects.
        objects: u64,
        /// Key of one of them.
        key: String,
        /// Its storage class.
        class: String,
        /// How to thaw it, for a shell.
        thaw_command: Option<String>,
    },
    /// None was found, but some objects were not examined.
    Unknown {
        /// Number of these objects.
        objects: u64,
    },
}

/// A fact about a directory that is to hold, or holds, a repository.
#[derive(Clone, Debug)]
pub enum DirectoryFact {
    /// Files can be created, replaced and deleted.
    Writable,
    /// No files can be created in a directory of the repository.
    Unwritable {
        /// The directory.
        path: PathBuf,
    },
    /// The file system is read-only.
    ReadOnly {
        /// Location of the repository.
        location: String,
    },
    /// The file system is full.
    NoSpace {
        /// Location of the repository.
        location: String,
        /// Error of the operating system.
        reason: String,
    },
    /// The user may not write there.
    AccessDenied {
        /// Location of the repository.
        location: String,
        /// Error of the operating system.
        reason: String,
    },
    /// There is enough space.
    Room {
        /// Free bytes.
        bytes: u64,
    },
    /// There is little space.
    LittleRoom {
        /// Free bytes.
        bytes: u64,
    },
    /// Only few files can be created.
    FewFiles {
        /// Their number.
        files: u64,
    },
}

/// A fact about the directory of the catalogues.
#[derive(Debug)]
pub enum CacheFact {
    /// It does not exist.
    NoDirectory,
    /// It can be used.
    Usable(PathBuf),
    /// It cannot be used.
    Unusable(AccessError),
}

impl From<RepositoryFact> for Fact {
    fn from(fact: RepositoryFact) -> Self {
        Self::Repository(fact)
    }
}

impl From<BucketFact> for Fact {
    fn from(fact: BucketFact) -> Self {
        Self::Bucket(fact)
    }
}

impl From<RuleFact> for Fact {
    fn from(fact: RuleFact) -> Self {
        Self::Bucket(BucketFact::Rules(fact))
    }
}

impl From<ArchiveFact> for Fact {
    fn from(fact: ArchiveFact) -> Self {
        Self::Bucket(BucketFact::Archive(fact))
    }
}

impl From<DirectoryFact> for Fact {
    fn from(fact: DirectoryFact) -> Self {
        Self::Directory(fact)
    }
}

impl From<CacheFact> for Fact {
    fn from(fact: CacheFact) -> Self {
        Self::Cache(fact)
    }
}
