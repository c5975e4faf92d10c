//! Hard links: a file with several names is read once.

use std::collections::{HashMap, HashSet};

use icecore_format::entry::Entry;

/// Maximum number of remembered files; if a source has more hard-linked files, some are read several times.
const FILES_MAX: usize = 1 << 20;

/// Index of the device within the source, and inode.
type LinkGroup = (u32, u64);

/// Hard-linked files that have been found, and their content.
#[derive(Debug, Default)]
pub(crate) struct Links {
    devices: Vec<u64>,
    announced: HashSet<LinkGroup>,
    read: HashMap<LinkGroup, Entry>,
}

impl Links {
    /// Returns the index of a device. Devices are numbered in the order in which they are found; the first is
    /// the root's.
    pub fn device_index(&mut self, device: u64) -> u32 {
        let found = self.devices.iter().position(|known| *known == device);
        found.unwrap_or_else(|| {
            self.devices.push(device);
            self.devices.len() - 1
        }) as u32
    }

    /// Notes that a file is going to be read; returns whether another of its names came before.
    pub fn announce(&mut self, group: LinkGroup) -> bool {
        if self.announced.len() >= FILES_MAX {
            self.announced.clear();
            self.read.clear();
        }
        !self.announced.insert(group)
    }

    /// Remembers the content of a file.
    pub fn remember(&mut self, entry: &Entry) {
        if let Some(group) = entry.link_group()
            && self.announced.contains(&group)
        {
            let mut content = entry.clone();
            content.path = Vec::new();
            self.read.insert(group, content);
        }
    }

    /// Completes an entry with the content that was read under another name; returns whether there was any.
    ///
    /// The walk must have seen the file in the same state in which it was read: it may have changed since,
    /// and its inode may belong to another file now.
    pub fn complete(&self, entry: &mut Entry) -> bool {
        let Some(known) = entry.link_group().and_then(|group| self.read.get(&group)) else { return false };
        let state = |entry: &Entry| (entry.kind, entry.size, entry.modified, entry.changed);
        if state(known) != state(entry) {
            return false;
        }
        let path = std::mem::take(&mut entry.path);
        *entry = Entry { path, ..known.clone() };
        true
    }
}

#[cfg(test)]
mod tests;
