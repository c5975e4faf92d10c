//! The program with its repository on a disk that can fail.

use std::{fs, path::PathBuf};

use icecore_format::snapshot::Level;

use super::{image::Image, mount::Disk};
use crate::{
    crash::program::Program,
    engines::Command,
    harness::{Sandbox, is_root, skip},
};

/// The program, and the disk that its repository is on.
pub(super) struct Bench {
    pub(super) program: Program,
    /// There is always one, but while another is put in its place.
    disk: Option<Disk>,
}

impl Bench {
    /// Mounts an empty disk; none where that is not possible.
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

    /// Puts another disk in the place of the present one.
    pub(super) fn change_disk(&mut self, image: Image) {
        // Unmounts the old one, before the new one is mounted in the same place.
        drop(self.disk.take());
        self.disk = Some(Disk::mount(&self.program.sandbox.path("disk"), image).unwrap());
    }

    pub(super) fn disk(&self) -> &Disk {
        self.disk.as_ref().unwrap()
    }

    /// Returns the commands that write, in an order that makes sense.
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
