//! The conditions that must be true after every crash.

use std::{fs, sync::Arc};

use icecore_store::Store;

use crate::engines::{Command, Expectation, Expected, Host};

/// A command, with the content of the repository before it.
pub(crate) struct Step<'a> {
    pub(crate) expectation: &'a Expectation,
    /// Key that the command unlocks the repository with.
    pub(crate) key: u8,
    pub(crate) command: &'a Command,
    /// Expected content of the snapshot that the command makes, or of the restore.
    pub(crate) expected: Option<Expected>,
}

impl Step<'_> {
    /// Removes what earlier attempts left outside the repository.
    pub(crate) fn prepare(&self) {
        if let Command::Restore(restore) = self.command {
            drop(fs::remove_dir_all(&restore.target));
        }
    }

    /// Returns the snapshots that may exist although the command did not end, one for each attempt.
    fn begun(&self, tries: usize) -> Vec<Expected> {
        let is_backup = matches!(self.command, Command::Backup(_));
        self.expected.iter().filter(|_| is_backup).cycle().take(tries).cloned().collect()
    }

    /// Examines a repository after a crash in each of several attempts of the command, runs it again, and
    /// examines it again.
    ///
    /// `was_done` means that the command had succeeded: its effects must be there.
    pub(crate) fn recover(
        &self,
        host: &Host,
        store: &Arc<dyn Store>,
        tries: usize,
        was_done: bool,
    ) -> Result<(), String> {
        let begun = self.begun(tries);
        let key = self.usable_key(host, store, was_done)?;
        let Some(key) = key else { return self.again(host, store, self.key, self.expectation.clone()) };
        let others = self.expectation.verify(host, store, key, &begun)?;
        if was_done && !begun.is_empty() && others.is_empty() {
            return Err("a snapshot that was said to be complete is gone".to_owned());
        }
        if was_done {
            self.verify_keys(host, store)?;
        }
        let mut expectation = self.expectation.clone();
        expectation.snapshots.extend(others);
        self.again(host, store, key, expectation)
    }

    fn again(
        &self,
        host: &Host,
        store: &Arc<dyn Store>,
        key: u8,
        mut expectation: Expectation,
    ) -> Result<(), String> {
        let is_there = host.unlock(store, key).is_ok();
        let is_over = match self.command {
            Command::Init => is_there,
            Command::KeyChange { new } => *new == key,
            Command::KeyRemove { old } => host.unlock(store, *old).is_err(),
            _ => false,
        };
        if !is_over {
            let made = host.run(store, key, self.command);
            let made = made.map_err(|error| format!("again: {}", error.text()))?;
            expectation.snapshots.extend(made.zip(self.expected.clone()));
        }
        if let (Command::Restore(restore), Some(expected)) = (self.command, &self.expected) {
            expected.compare(&restore.target)?;
        }
        self.verify_keys(host, store)?;
        let key =
            if let Command::KeyChange { new } | Command::KeyAdd { new } = self.command { *new } else { key };
        let found = expectation.verify_latest(host, store, key);
        found.map_err(|reason| format!("in the end: {reason}"))
    }

    /// Returns the key that opens the repository, which may be the old or the new one during a change; none
    /// if there is no repository yet.
    fn usable_key(&self, host: &Host, store: &Arc<dyn Store>, was_done: bool) -> Result<Option<u8>, String> {
        match (host.unlock(store, self.key), self.command) {
            (Ok(_), _) => Ok(Some(self.key)),
            (Err(_), Command::Init) if !was_done => Ok(None),
            (Err(_), Command::KeyChange { new }) => {
                let opened = host.unlock(store, *new);
                opened.map(|_| Some(*new)).map_err(|error| format!("no key opens: {}", error.text()))
            }
            (Err(error), _) => Err(format!("the key does not open: {}", error.text())),
        }
    }

    /// Verifies the keys after the command.
    fn verify_keys(&self, host: &Host, store: &Arc<dyn Store>) -> Result<(), String> {
        let (opens, refused) = match self.command {
            Command::KeyAdd { new } => (*new, None),
            Command::KeyChange { new } => (*new, Some(self.key)),
            Command::KeyRemove { old } => (self.key, Some(*old)),
            _ => (self.key, None),
        };
        host.unlock(store, opens).map_err(|error| format!("key {opens}: {}", error.text()))?;
        let Some(refused) = refused else { return Ok(()) };
        match host.unlock(store, refused) {
            Err(error) if error.is_wrong_key() => Ok(()),
            Err(error) => Err(error.text()),
            Ok(_) => Err("the old key still opens".to_owned()),
        }
    }
}
