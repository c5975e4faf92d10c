//! What a user can do about a failure, as a value: options get their names when it is rendered.

use std::borrow::Cow;

pub(super) mod access;
mod backup;
mod connection;
pub(super) mod engines;
pub(crate) mod kms;
pub(crate) mod operations;
pub(super) mod reference;
pub(super) mod repository;
mod restore;
pub(super) mod store;

/// Which repository the advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The repository of the command.
    Own,
    /// The destination of a copy.
    Destination,
}

/// An option that both repositories of a copy have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// The repository itself.
    Repository,
    /// Its key file.
    KeyFile,
    /// A file with its password.
    PasswordFile,
    /// A command that prints its password.
    PasswordCommand,
    /// The URL of its server.
    EndpointUrl,
    /// The region of its bucket.
    Region,
    /// Certificates of its server.
    CaFile,
}

/// An environment variable that both repositories of a copy have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// The repository itself.
    Repository,
    /// Its key file.
    KeyFile,
    /// A file with its password.
    PasswordFile,
    /// A command that prints its password.
    PasswordCommand,
    /// Its password.
    Password,
}

/// A piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words.
    Text(Cow<'static, str>),
    /// The name of an option.
    Flag(Flag),
    /// The name of a variable.
    Variable(Variable),
    /// How to create a repository.
    Creation,
}

/// What a user can do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice(Vec<Piece>);

/// Makes advice from texts, flags and variables.
macro_rules! advice {
    ($($piece:expr),+ $(,)?) => {
        $crate::failure::advice::Advice::of(vec![$($crate::failure::advice::Piece::from($piece)),+])
    };
}
pub(crate) use advice;

impl Side {
    fn flag(self, flag: Flag) -> &'static str {
        let (own, destination) = match flag {
            Flag::Repository => ("--repository", "--to"),
            Flag::KeyFile => ("--key-file", "--to-key-file"),
            Flag::PasswordFile => ("--password-file", "--to-password-file"),
            Flag::PasswordCommand => ("--password-command", "--to-password-command"),
            Flag::EndpointUrl => ("--endpoint-url", "--to-endpoint-url"),
            Flag::Region => ("--region", "--to-region"),
            Flag::CaFile => ("--ca-file", "--to-ca-file"),
        };
        self.choose(own, destination)
    }

    fn variable(self, variable: Variable) -> &'static str {
        let (own, destination) = match variable {
            Variable::Repository => ("ICECORE_REPOSITORY", "ICECORE_TO_REPOSITORY"),
            Variable::KeyFile => ("ICECORE_KEY_FILE", "ICECORE_TO_KEY_FILE"),
            Variable::PasswordFile => ("ICECORE_PASSWORD_FILE", "ICECORE_TO_PASSWORD_FILE"),
            Variable::PasswordCommand => ("ICECORE_PASSWORD_COMMAND", "ICECORE_TO_PASSWORD_COMMAND"),
            Variable::Password => ("ICECORE_PASSWORD", "ICECORE_TO_PASSWORD"),
        };
        self.choose(own, destination)
    }

    fn creation(self) -> &'static str {
        self.choose(
            "create a new repository there with `icecore init` or `icecore backup --init`",
            "add --init",
        )
    }

    fn choose(self, own: &'static str, destination: &'static str) -> &'static str {
        match self {
            Self::Own => own,
            Self::Destination => destination,
        }
    }
}

impl Advice {
    /// Makes advice from its pieces.
    pub(crate) fn of(pieces: Vec<Piece>) -> Self {
        Self(pieces)
    }

    /// Returns the advice as a sentence about one of the two repositories.
    pub(crate) fn text(&self, side: Side) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_ref(),
            Piece::Flag(flag) => side.flag(*flag),
            Piece::Variable(variable) => side.variable(*variable),
            Piece::Creation => side.creation(),
        });
        pieces.collect()
    }

    /// Appends more advice.
    fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Flag> for Piece {
    fn from(flag: Flag) -> Self {
        Self::Flag(flag)
    }
}

impl From<Variable> for Piece {
    fn from(variable: Variable) -> Self {
        Self::Variable(variable)
    }
}

impl From<&'static str> for Advice {
    fn from(text: &'static str) -> Self {
        Self(vec![text.into()])
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Self {
        Self(vec![text.into()])
    }
}

impl From<Advice> for String {
    fn from(advice: Advice) -> Self {
        advice.text(Side::Own)
    }
}

/// What to do about an interrupted command.
pub(super) const INTERRUPTED: &str = "nothing is lost; run the same command again";
/// What to do about a repository or a store of a newer program.
const NEWER: &str = "use the newest version of icecore";
/// What to do about damage.
const DAMAGE: &str =
    "run `icecore check --read-data` to list the damage and the snapshots that are not affected";
/// How to write patterns.
pub(super) const PATTERNS: &str =
    "patterns use the syntax of gitignore files; a backslash before a character makes it literal";

/// Returns what to do if there is no repository.
fn no_repository() -> Advice {
    advice!["check ", Flag::Repository, ", or ", Piece::Creation]
}

/// Returns what to do if a key does not open a repository.
fn wrong_key() -> Advice {
    advice![
        "give the right key with ",
        Flag::KeyFile,
        ", ",
        Flag::PasswordFile,
        " or ",
        Flag::PasswordCommand
    ]
}

#[cfg(test)]
mod tests;
