use icecore_format::{
    entry::{ChunkRef, Content, Entry, EntryKind},
    ids::ChunkId,
};

use super::{LinkRole, LinkTable};

fn file(path: &str, inode: u64, content: u8) -> Entry {
    let mut entry = Entry::new(path.as_bytes().to_vec(), EntryKind::File);
    (entry.link_device, entry.inode, entry.size) = (Some(0), inode, 7);
    entry.content = Content::Inline(vec![ChunkRef { id: ChunkId([content; ChunkId::BYTES]), length: 7 }]);
    entry
}

#[test]
fn members_link_to_the_first_of_their_group() {
    let mut table = LinkTable::default();
    assert_eq!(table.classify(&file("a", 1, 1)), LinkRole::First);
    assert_eq!(table.classify(&file("b", 2, 1)), LinkRole::First);
    assert_eq!(table.classify(&file("c", 1, 1)), LinkRole::Member);
    let mut alone = file("d", 1, 1);
    alone.link_device = None;
    assert_eq!(table.classify(&alone), LinkRole::Alone);
    table.replace_first((0, 1), b"c");
    assert_eq!(table.first((0, 1)), Some(&b"c"[..]));
    assert_eq!(table.classify(&file("e", 1, 1)), LinkRole::Member);
}

#[test]
fn a_member_with_other_content_is_no_link() {
    let mut table = LinkTable::default();
    assert_eq!(table.classify(&file("a", 1, 1)), LinkRole::First);
    assert_eq!(table.classify(&file("b", 1, 2)), LinkRole::Stranger);
    assert_eq!(table.classify(&file("c", 1, 1)), LinkRole::Member);
}
