//! The program with its repository on a disk that can fail.

use std::{fs, path::PathBuf};

use icecore_format::snapshot::Level;

use super::{image::Image, mount::Disk};
use crate::{
    crash::program::Program,
    engines::Command,
    harness::{Sandbox, is_root, skip},
};

/// The program, and the disk with its repository.
pub(super) struct Bench {
    pub(super) program: Program,
    /// Always present, except while it is being replaced.
    disk: Option<Disk>,
}

impl Bench {
    /// Mounts an empty disk; returns none if that is impossible.
    pub(super) fn new() -> Option<Self> {
        if !is_root() || !PathBuf::from("/dev/fuse").exists() {
            skip("FUSE file systems cannot be mounted here");
            return None;
        }
        let mut sandbox = Sandbox::in_memory();
        let place = sandbox.path("disk");
        fs::create_dir(&place).unwrap();
        let disk = Disk::mount(&place, Image::new()).unwrap();
        sandbox.use_repository(place.join("repository"));
        Some(Self { program: Program::new(sandbox), disk: Some(disk) })
    }

    /// Replaces the present disk.
    pub(super) fn change_disk(&mut self, image: Image) {
        // Unmounts the old one before the new one is mounted at the same path.
        drop(self.disk.take());
        self.disk = Some(Disk::mount(&self.program.sandbox.path("disk"), image).unwrap());
    }

    pub(super) fn disk(&self) -> &Disk {
        self.disk.as_ref().unwrap()
    }

    /// Returns the commands that write, in a sensible order.
    pub(super) fn commands(&self) -> Vec<Command> {
        let tree = self.program.backup(Level::Incremental, None);
        vec![
            Command::Init,
            tree.clone(),
            tree,
            self.program.stream(),
            Command::KeyAdd { new: 2 },
            Command::KeyChange { new: 3 },
            Command::KeyRemove { old: 2 },
            self.program.backup(Level::Full, None),
        ]
    }
}
