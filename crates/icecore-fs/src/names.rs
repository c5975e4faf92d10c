//! Names of users and groups, from `/etc/passwd` and `/etc/group`.
//!
//! Name services (LDAP, SSSD, NIS) are not queried: that needs the C library's plug-ins, which a static
//! program cannot load. Owners are always restored exactly by number; names only help if the two hosts number
//! them differently.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::Path;

/// Names and numbers of one of the two files. If a name or number is repeated, the first line wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct NameTable {
    by_id: HashMap<u32, Vec<u8>>,
    by_name: HashMap<Vec<u8>, u32>,
}

impl NameTable {
    /// Parses lines of the form `name:password:number[:…]`; others (comments, `+` lines of NIS) are skipped.
    fn parse(content: &[u8]) -> Self {
        let mut table = Self::default();
        for line in content.split(|byte| *byte == b'\n') {
            let mut fields = line.split(|byte| *byte == b':');
            let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let id = str::from_utf8(id).ok().and_then(|id| id.trim_end().parse::<u32>().ok());
            let (Some(id), false) = (id, name.is_empty() || matches!(name[0], b'#' | b'+' | b'-')) else {
                continue;
            };
            if let Entry::Vacant(vacant) = table.by_name.entry(name.to_vec()) {
                vacant.insert(id);
                table.by_id.entry(id).or_insert_with(|| name.to_vec());
            }
        }
        table
    }

    /// A host (for example a container) without the file has no names.
    fn load(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(content) => Ok(Self::parse(&content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }
}

/// Names of this host's users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserNames(NameTable);

impl UserNames {
    /// Reads `/etc/passwd`; a host without that file has no names.
    pub fn load() -> io::Result<Self> {
        NameTable::load(Path::new("/etc/passwd")).map(Self)
    }

    /// Parses the content of a passwd file; unknown lines are skipped.
    pub fn parse(content: &[u8]) -> Self {
        Self(NameTable::parse(content))
    }

    /// Returns the name of a user.
    pub fn name(&self, user_id: u32) -> Option<&[u8]> {
        self.0.by_id.get(&user_id).map(Vec::as_slice)
    }

    /// Returns the number of a user.
    pub fn id(&self, name: &[u8]) -> Option<u32> {
        self.0.by_name.get(name).copied()
    }
}

/// Names of this host's groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupNames(NameTable);

impl GroupNames {
    /// Reads `/etc/group`; a host without that file has no names.
    pub fn load() -> io::Result<Self> {
        NameTable::load(Path::new("/etc/group")).map(Self)
    }

    /// Parses the content of a group file; unknown lines are skipped.
    pub fn parse(content: &[u8]) -> Self {
        Self(NameTable::parse(content))
    }

    /// Returns the name of a group.
    pub fn name(&self, group_id: u32) -> Option<&[u8]> {
        self.0.by_id.get(&group_id).map(Vec::as_slice)
    }

    /// Returns the number of a group.
    pub fn id(&self, name: &[u8]) -> Option<u32> {
        self.0.by_name.get(name).copied()
    }
}

/// Returns the numeric user and group that this process uses for file access.
pub fn process_owner() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

#[cfg(test)]
mod tests;
