//! `key`: lists, adds, removes and changes what unlocks the repository.

use std::{fmt::Write, fs, path::PathBuf};

use icecore_access::{
    AccessError, AccessMode, CredentialSource, creation::new_secret, credentials, key_file, kms, unlock,
};
use icecore_format::slot::{Credential, PasswordCost, SlotKind};
use icecore_repo::{
    repository::Repository,
    slots::{self, Slot},
};
use serde::Serialize;

use self::rotation::{MovedDocument, MovedFile};
use crate::{
    arguments::key::{
        KeyAddArguments, KeyArguments, KeyCommand, KeyPasswdArguments, KeyRemoveArguments, NewKeyArguments,
    },
    context::Context,
    failure::{Failure, Outcome, exit_status::ExitStatus, reason},
    surface::{
        console::ResultWriter,
        table::{Align, Table},
    },
};
use icecore_operations::text;

mod rotation;

/// Digits of a slot's id that are shown in tables.
const ID_DIGITS_SHOWN: usize = 12;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &KeyArguments) -> Outcome<ExitStatus> {
    match &arguments.command {
        KeyCommand::List => list(context),
        KeyCommand::Add(arguments) => add(context, arguments),
        KeyCommand::Remove(arguments) => remove(context, arguments),
        KeyCommand::Passwd(arguments) => change(context, arguments),
    }
}

#[derive(Serialize)]
struct SlotDocument {
    id: String,
    kind: Option<&'static str>,
    kms_key: Option<String>,
    label: Option<String>,
    created: Option<String>,
    memory_kib: Option<u32>,
    passes: Option<u32>,
    lanes: Option<u32>,
    in_use: bool,
    damage: Option<String>,
}

fn list(context: &Context) -> Outcome<ExitStatus> {
    let store = context.access.open_store(AccessMode::Read)?;
    let repository = unlock::unlock(&context.access, &store)?;
    let slots = slots::list(&repository)?;
    let documents: Vec<SlotDocument> = slots.iter().map(|slot| slot_document(&repository, slot)).collect();
    if context.console.json {
        ResultWriter::document(&documents)?;
        return Ok(ExitStatus::Done);
    }
    let columns = ["id", "kind", "created", "label", ""].map(|title| (title, Align::Left));
    let mut table = Table::new(&columns);
    for (document, slot) in documents.into_iter().zip(&slots) {
        let created = slot.info.as_ref().map_or_else(
            |_| String::new(),
            |info| {
                let time = icecore_format::entry::Time { seconds: info.created_seconds, nanoseconds: 0 };
                text::local_time(time, &context.access.machine.zone)
            },
        );
        table.row(vec![
            document.id.chars().take(ID_DIGITS_SHOWN).collect(),
            document.kind.unwrap_or("?").to_owned(),
            created,
            text::printable(document.label.unwrap_or_default().as_bytes()).into_owned(),
            match document.damage {
                Some(damage) => format!("damaged: {damage}"),
                None if document.in_use => "in use: opened the repository now".to_owned(),
                None => String::new(),
            },
        ]);
    }
    ResultWriter::print(&table.text())?;
    Ok(ExitStatus::Done)
}

fn slot_document(repository: &Repository, slot: &Slot) -> SlotDocument {
    let info = slot.info.as_ref().ok();
    let cost = info.and_then(|info| if let SlotKind::Password(cost) = info.kind { Some(cost) } else { None });
    let kms = info.and_then(|info| if let SlotKind::Kms(key) = &info.kind { Some(key) } else { None });
    let foreign = info.is_some_and(|info| info.repository != repository.id());
    let damage = slot.info.as_ref().err().map(|error| reason(error));
    SlotDocument {
        id: slot.id.clone(),
        kind: info.map(|info| match info.kind {
            SlotKind::Password(_) => "password",
            SlotKind::KeyFile => "key-file",
            SlotKind::Kms(_) => "kms",
        }),
        kms_key: kms.map(|data_key| data_key.key_arn.clone()),
        label: info.map(|info| info.label.clone()),
        created: info.and_then(|info| {
            text::utc_time(icecore_format::entry::Time { seconds: info.created_seconds, nanoseconds: 0 })
        }),
        memory_kib: cost.map(|cost| cost.memory_kib),
        passes: cost.map(|cost| cost.passes),
        lanes: cost.map(|cost| cost.lanes),
        in_use: slot.id == repository.slot(),
        damage: damage.or_else(|| foreign.then(|| "it belongs to another repository".to_owned())),
    }
}

/// A credential that is to be added.
struct NewKey {
    credential: Credential,
    /// Key file that holds it.
    file: Option<PathBuf>,
    /// The file was written just now.
    is_new: bool,
}

fn new_key(context: &Context, repository: &Repository, arguments: &NewKeyArguments) -> Outcome<NewKey> {
    if let Some(key) = &arguments.kms {
        return Ok(NewKey {
            credential: kms::new_credential(&context.access, repository.id(), key)?,
            file: None,
            is_new: false,
        });
    }
    let load = |source: CredentialSource| {
        credentials::load(&source, repository.id(), context.access.events.as_ref())
    };
    if let Some(path) = &arguments.key_file {
        let is_new = !path.exists();
        let credential = if is_new {
            let secret = new_secret(&context.access);
            key_file::create(path, repository.id(), &secret)?;
            Credential::KeyFile(secret)
        } else {
            load(CredentialSource::KeyFile(path.clone()))?
        };
        return Ok(NewKey { credential, file: Some(path.clone()), is_new });
    }
    let credential = match (&arguments.password_file, &arguments.password_command) {
        (Some(path), _) => load(CredentialSource::PasswordFile(path.clone()))?,
        (None, Some(command)) => load(CredentialSource::PasswordCommand(command.into()))?,
        (None, None) if context.access.prompt.can_ask() => {
            match credentials::ask_new(
                context.access.prompt.as_ref(),
                "New password: ",
                context.access.events.as_ref(),
            )? {
                Some(password) => Credential::Password(password),
                None => return Err(AccessError::PasswordEmpty.into()),
            }
        }
        (None, None) => {
            return Err(Failure::usage("no new key is given")
                .hint("use --new-key-file, --new-password-file, --new-password-command or --kms"));
        }
    };
    Ok(NewKey { credential, file: None, is_new: false })
}

#[derive(Serialize)]
struct ChangedDocument {
    added: Option<String>,
    key_file: Option<String>,
    removed: Vec<String>,
    moved: Vec<MovedDocument>,
}

/// What is told of a command that changed the slots.
#[derive(Debug, Default)]
struct Change {
    added: Option<String>,
    key_file: Option<PathBuf>,
    /// Commands find the key by themselves.
    is_found: bool,
    removed: Vec<String>,
    moved: Vec<MovedFile>,
}

impl Change {
    fn show(self, context: &Context) -> Outcome<ExitStatus> {
        if context.console.json {
            ResultWriter::document(&ChangedDocument {
                added: self.added,
                key_file: self.key_file.map(|path| path.display().to_string()),
                removed: self.removed,
                moved: self.moved.iter().map(MovedDocument::from).collect(),
            })?;
            return Ok(ExitStatus::Done);
        }
        let mut lines = String::new();
        // Writing to a string does not fail.
        if let Some(id) = &self.added {
            let _ = writeln!(lines, "added the key slot {id}");
        }
        if let Some(path) = &self.key_file {
            let give = if self.is_found { "" } else { "give it with --key-file, and " };
            let _ = writeln!(lines, "its key file is {}; {give}keep a copy elsewhere", path.display());
        }
        for file in &self.moved {
            let _ = writeln!(lines, "{}", file.text());
        }
        for id in &self.removed {
            let _ = writeln!(lines, "removed the key slot {id}");
        }
        context.console.summary(&lines)?;
        Ok(ExitStatus::Done)
    }
}

fn add(context: &Context, arguments: &KeyAddArguments) -> Outcome<ExitStatus> {
    let store = context.access.open_store(AccessMode::Write)?;
    let repository = unlock::unlock(&context.access, &store)?;
    let new = new_key(context, &repository, &arguments.new)?;
    let id = slots::add(&repository, &new.credential, PasswordCost::default(), &arguments.label)?;
    kms::advise_recovery(&context.access, &slots::list(&repository)?);
    let is_found = rotation::is_found(context, &repository, &new.credential);
    Change { added: Some(id), key_file: new.file, is_found, ..Change::default() }.show(context)
}

fn remove(context: &Context, arguments: &KeyRemoveArguments) -> Outcome<ExitStatus> {
    let store = context.access.open_store(AccessMode::Write)?;
    let (repository, present) = unlock::unlock_with_credential(&context.access, &store)?;
    let id = slots::remove(&repository, &arguments.id.to_ascii_lowercase())?;
    if id == repository.slot() && !rotation::opens(&repository, &present)? {
        context.console.warning(
            "this was the slot of the key that this command was given: that key opens nothing any more",
        );
    }
    rotation::warn_of_useless_default(context, &repository)?;
    Change { removed: vec![id], ..Change::default() }.show(context)
}

fn change(context: &Context, arguments: &KeyPasswdArguments) -> Outcome<ExitStatus> {
    let store = context.access.open_store(AccessMode::Write)?;
    let (repository, present) = unlock::unlock_with_credential(&context.access, &store)?;
    let new = new_key(context, &repository, &arguments.new)?;
    if is_same(&new.credential, &present) {
        return Err(Failure::new(ExitStatus::Failed, "the new key is the present one").hint(
            "nothing was changed; name a key file that does not exist yet, and it is created with a new key",
        ));
    }
    let started = slots::begin_change(&repository, &present, &new.credential, PasswordCost::default())?;
    let moved = match rotation::move_files(context, &repository, &present, &new) {
        Ok(moved) => moved,
        Err(failure) => {
            started.undo()?;
            if let (true, Some(path)) = (new.is_new, &new.file) {
                // It opens nothing.
                fs::remove_file(path).unwrap_or_default();
            }
            return Err(failure.hint(
                "the key was not changed, because commands that find the old key file by themselves would fail",
            ));
        }
    };
    let changed = started.finish()?;
    rotation::warn_of_old(context, &repository, &new)?;
    let is_found = rotation::is_found(context, &repository, &new.credential);
    let (added, removed) = (Some(changed.added), changed.removed);
    Change { added, key_file: new.file, is_found, removed, moved }.show(context)
}

fn is_same(left: &Credential, right: &Credential) -> bool {
    match (left, right) {
        (Credential::Password(left), Credential::Password(right)) => left == right,
        (Credential::KeyFile(left), Credential::KeyFile(right)) => left == right,
        (Credential::Kms { data_key: left, .. }, Credential::Kms { data_key: right, .. }) => left == right,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
