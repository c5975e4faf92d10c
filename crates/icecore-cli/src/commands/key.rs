//! `key`: lists, adds, removes and changes what unlocks the repository.

use std::{fmt::Write, path::PathBuf};

use icecore_format::slot::{Credential, PasswordCost, SlotKind};
use icecore_repo::{
    repository::Repository,
    slots::{self, Slot},
};
use serde::Serialize;

use super::creation::new_secret;
use crate::{
    arguments::key::{
        KeyAddArguments, KeyArguments, KeyCommand, KeyPasswdArguments, KeyRemoveArguments, NewKeyArguments,
    },
    console::ResultWriter,
    context::{Access, Context},
    credentials::{self, CredentialSource},
    exit_status::ExitStatus,
    failure::{Failure, Outcome, reason},
    key_file, kms,
    table::{Align, Table},
    text, unlock,
};

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
    damage: Option<String>,
}

fn list(context: &Context) -> Outcome<ExitStatus> {
    let store = context.open_store(Access::Read)?;
    let repository = unlock::unlock(context, &store)?;
    let documents: Vec<SlotDocument> =
        slots::list(&repository)?.iter().map(|slot| slot_document(&repository, slot)).collect();
    if context.console.json {
        ResultWriter::document(&documents)?;
        return Ok(ExitStatus::Done);
    }
    let columns = ["id", "kind", "created", "label", ""].map(|title| (title, Align::Left));
    let mut table = Table::new(&columns);
    for (document, slot) in documents.into_iter().zip(slots::list(&repository)?) {
        let created = slot.info.as_ref().map_or_else(
            |_| String::new(),
            |info| {
                let time = icecore_format::entry::Time { seconds: info.created_seconds, nanoseconds: 0 };
                text::local_time(time, &context.zone)
            },
        );
        table.row(vec![
            document.id.chars().take(ID_DIGITS_SHOWN).collect(),
            document.kind.unwrap_or("?").to_owned(),
            created,
            text::printable(document.label.unwrap_or_default().as_bytes()).into_owned(),
            document.damage.map(|damage| format!("damaged: {damage}")).unwrap_or_default(),
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
        damage: damage.or_else(|| foreign.then(|| "it belongs to another repository".to_owned())),
    }
}

/// A credential that is to be added.
struct NewKey {
    credential: Credential,
    /// Key file that holds it.
    file: Option<PathBuf>,
}

fn new_key(context: &Context, repository: &Repository, arguments: &NewKeyArguments) -> Outcome<NewKey> {
    if let Some(key) = &arguments.kms {
        return Ok(NewKey { credential: kms::new_credential(context, repository.id(), key)?, file: None });
    }
    let load = |source: CredentialSource| credentials::load(&source, repository.id(), &context.console);
    if let Some(path) = &arguments.key_file {
        let credential = if path.exists() {
            load(CredentialSource::KeyFile(path.clone()))?
        } else {
            let secret = new_secret(context);
            key_file::create(path, repository.id(), &secret)?;
            Credential::KeyFile(secret)
        };
        return Ok(NewKey { credential, file: Some(path.clone()) });
    }
    let credential = match (&arguments.password_file, &arguments.password_command) {
        (Some(path), _) => load(CredentialSource::PasswordFile(path.clone()))?,
        (None, Some(command)) => load(CredentialSource::PasswordCommand(command.into()))?,
        (None, None) if credentials::can_ask() => {
            match credentials::ask_new("New password: ", &context.console)? {
                Some(password) => Credential::Password(password),
                None => return Err(Failure::new(ExitStatus::Failed, "the password is empty")),
            }
        }
        (None, None) => {
            return Err(Failure::usage("no new key is given")
                .hint("use --new-key-file, --new-password-file, --new-password-command or --kms"));
        }
    };
    Ok(NewKey { credential, file: None })
}

#[derive(Serialize)]
struct ChangedDocument {
    added: Option<String>,
    key_file: Option<String>,
    removed: Vec<String>,
}

fn show(context: &Context, document: &ChangedDocument) -> Outcome<ExitStatus> {
    if context.console.json {
        ResultWriter::document(document)?;
        return Ok(ExitStatus::Done);
    }
    let mut lines = String::new();
    // Writing to a string does not fail.
    if let Some(id) = &document.added {
        let _ = writeln!(lines, "added the key slot {id}");
    }
    if let Some(path) = &document.key_file {
        let _ = writeln!(lines, "its key file is {path}; give it with --key-file, and keep a copy elsewhere");
    }
    for id in &document.removed {
        let _ = writeln!(lines, "removed the key slot {id}");
    }
    context.console.summary(&lines)?;
    Ok(ExitStatus::Done)
}

fn add(context: &Context, arguments: &KeyAddArguments) -> Outcome<ExitStatus> {
    let store = context.open_store(Access::Write)?;
    let repository = unlock::unlock(context, &store)?;
    let new = new_key(context, &repository, &arguments.new)?;
    let id = slots::add(&repository, &new.credential, PasswordCost::default(), &arguments.label)?;
    kms::advise_recovery(context, &slots::list(&repository)?);
    let key_file = new.file.map(|path| path.display().to_string());
    show(context, &ChangedDocument { added: Some(id), key_file, removed: Vec::new() })
}

fn remove(context: &Context, arguments: &KeyRemoveArguments) -> Outcome<ExitStatus> {
    let store = context.open_store(Access::Write)?;
    let repository = unlock::unlock(context, &store)?;
    let id = slots::remove(&repository, &arguments.id.to_ascii_lowercase())?;
    show(context, &ChangedDocument { added: None, key_file: None, removed: vec![id] })
}

fn change(context: &Context, arguments: &KeyPasswdArguments) -> Outcome<ExitStatus> {
    let store = context.open_store(Access::Write)?;
    let (repository, present) = unlock::unlock_with_credential(context, &store)?;
    let new = new_key(context, &repository, &arguments.new)?;
    if is_same(&new.credential, &present) {
        return Err(
            Failure::new(ExitStatus::Failed, "the new key is the present one").hint("nothing was changed")
        );
    }
    let changed = slots::change(&repository, &present, &new.credential, PasswordCost::default())?;
    if let (Credential::KeyFile(_), Some(path)) =
        (&present, context.directories.generated_key_file(repository.id()))
        && path.exists()
    {
        context
            .console
            .notice(&format!("if {} was the old key file, it opens nothing any more", path.display()));
    }
    let key_file = new.file.map(|path| path.display().to_string());
    show(context, &ChangedDocument { added: Some(changed.added), key_file, removed: changed.removed })
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
