//! The facts behind the findings, without a sentence about them.

use std::{path::PathBuf, time::Duration};

use icecore_access::AccessError;
use icecore_aws::{ColdRule, Versioning};
use icecore_format::{entry::Time, ids::RepositoryId};
use icecore_repo::{error::RepoError, snapshots::ClockError};
use icecore_store::StoreError;

/// A fact.
#[derive(Debug)]
pub enum Fact {
    /// It could not be looked at, or the repository is of no use because of it.
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
    /// There is one.
    Found {
        /// Its id.
        repository: RepositoryId,
        /// Where it is.
        location: String,
    },
    /// There is none.
    Missing(RepoError),
    /// Nobody can unlock it: no key slot can be read.
    NoKeySlot,
    /// Not only keys of AWS KMS unlock it.
    SeveralWaysIn {
        /// Number of key slots.
        slots: u64,
    },
    /// Only keys of AWS KMS unlock it.
    OnlyKms {
        /// Region of the key of each slot.
        regions: Vec<String>,
        /// All keys are in the region of the bucket.
        is_bucket_region: bool,
    },
    /// No key is at hand, so the times of the snapshots were not compared.
    TimesUnknown,
    /// The times of the snapshots agree with their order.
    TimesAgree,
    /// The times of these snapshots contradict their order.
    TimesWrong(Vec<WrongTime>),
    /// The store has written something at a time that is still to come on this machine.
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
    /// The repository was made for one writer at a time.
    OneWriter,
    /// Conditional requests are honoured.
    ConditionsHonoured,
    /// Conditional requests are not honoured.
    ConditionsIgnored {
        /// What the server does; fits behind "the server".
        ignored: String,
    },
    /// A policy does not allow to write.
    WritingForbidden(StoreError),
    /// Reads are answered correctly.
    ReadsCorrect,
    /// Reads are refused or answered wrongly.
    ReadsWrong {
        /// What the server does; each fits behind "the server".
        answers: Vec<String>,
    },
    /// What these credentials could destroy.
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
    /// The server does not say its time.
    ClockUnknown,
    /// About the lifecycle rules of the bucket.
    Rules(RuleFact),
    /// Whether the bucket keeps what is replaced and deleted.
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

/// A fact about metadata in storage classes from which it has to be thawed.
#[derive(Clone, Debug)]
pub enum ArchiveFact {
    /// None is there.
    Nothing,
    /// Some is.
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
    /// None was found, but some objects were not looked at.
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
        /// Where the repository is.
        location: String,
    },
    /// The file system is full.
    NoSpace {
        /// Where the repository is.
        location: String,
        /// What the operating system said.
        reason: String,
    },
    /// The user may not write there.
    AccessDenied {
        /// Where the repository is.
        location: String,
        /// What the operating system said.
        reason: String,
    },
    /// There is room.
    Room {
        /// Bytes that are left.
        bytes: u64,
    },
    /// There is little room.
    LittleRoom {
        /// Bytes that are left.
        bytes: u64,
    },
    /// Only few files can be created.
    FewFiles {
        /// How many.
        files: u64,
    },
}

/// A fact about the directory of the catalogues.
#[derive(Debug)]
pub enum CacheFact {
    /// There is none.
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
