//! Owners of restored objects on this host.

use icecore_format::entry::Entry;
use icecore_fs::{
    names::{GroupNames, UserNames},
    target::OwnerChoice,
};

use crate::request::OwnerMapping;

/// Maps recorded owners to those of this host.
#[derive(Debug)]
pub(crate) struct Owners {
    mapping: OwnerMapping,
    users: UserNames,
    groups: GroupNames,
}

impl Owners {
    /// Loads the names of this host if the mapping needs them.
    pub fn load(mapping: OwnerMapping) -> Self {
        let (mut users, mut groups) = (UserNames::default(), GroupNames::default());
        if mapping == OwnerMapping::ByName {
            let warn = |error| tracing::warn!(%error, "the user and group names of this host cannot be read; owners are restored by number");
            users = UserNames::load().map_err(warn).unwrap_or_default();
            groups = GroupNames::load().map_err(warn).unwrap_or_default();
        }
        Self { mapping, users, groups }
    }

    /// Chooses the owner of one entry, given the recorded names.
    pub fn choose(&self, entry: &Entry, user: Option<&[u8]>, group: Option<&[u8]>) -> OwnerChoice {
        // The superuser is 0 by definition, whatever its name is.
        let mapped =
            |recorded: u32, here: Option<u32>| if recorded == 0 { 0 } else { here.unwrap_or(recorded) };
        match self.mapping {
            OwnerMapping::Numeric => OwnerChoice::FromMetadata,
            OwnerMapping::None => OwnerChoice::Unchanged,
            OwnerMapping::ByName => OwnerChoice::Fixed {
                user_id: mapped(entry.user_id, user.and_then(|name| self.users.id(name))),
                group_id: mapped(entry.group_id, group.and_then(|name| self.groups.id(name))),
            },
        }
    }
}

#[cfg(test)]
mod tests;
