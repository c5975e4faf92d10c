use icecore_format::entry::{Entry, EntryKind};
use icecore_fs::{
    names::{GroupNames, UserNames},
    target::OwnerChoice,
};

use super::Owners;
use crate::request::OwnerMapping;

fn owners(mapping: OwnerMapping) -> Owners {
    let users = UserNames::parse(b"root:x:0:\nanna:x:1005:");
    let groups = GroupNames::parse(b"root:x:0:\nstaff:x:77:");
    Owners { mapping, users, groups }
}

fn choose(mapping: OwnerMapping, ids: (u32, u32), user: Option<&[u8]>, group: Option<&[u8]>) -> OwnerChoice {
    let mut entry = Entry::new(b"a".to_vec(), EntryKind::File);
    (entry.user_id, entry.group_id) = ids;
    owners(mapping).choose(&entry, user, group)
}

#[test]
fn names_decide_where_they_are_known() {
    let by_name = |ids, user, group| choose(OwnerMapping::ByName, ids, user, group);
    let fixed = |user_id, group_id| OwnerChoice::Fixed { user_id, group_id };
    assert_eq!(by_name((1000, 50), Some(b"anna"), Some(b"staff")), fixed(1005, 77));
    assert_eq!(by_name((1000, 50), Some(b"berta"), None), fixed(1000, 50));
    assert_eq!(by_name((0, 0), Some(b"anna"), Some(b"staff")), fixed(0, 0));
}

#[test]
fn the_other_mappings_ask_no_names() {
    assert_eq!(choose(OwnerMapping::Numeric, (5, 5), Some(b"anna"), None), OwnerChoice::FromMetadata);
    assert_eq!(choose(OwnerMapping::None, (5, 5), Some(b"anna"), None), OwnerChoice::Unchanged);
}
