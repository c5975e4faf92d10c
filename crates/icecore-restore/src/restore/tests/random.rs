//! Random trees: from any earlier state, with and without its snapshot, the target becomes the later one.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt};

use icecore_format::entry::EntryKind;
use proptest::prelude::*;

use crate::{
    RestoreRequest,
    fixture::{Fixture, Item, TIME, Target, directory, file, symlink},
};

/// What is at a path: kind and content.
type Model = BTreeMap<String, (EntryKind, Vec<u8>)>;

/// Draws a tree over few names, so that two trees have the same paths with different kinds.
fn model() -> impl Strategy<Value = Model> {
    let node = ("[abc](/[abc]){0,2}", 0..5_u8, 0..3_u8);
    proptest::collection::vec(node, 0..24).prop_map(|nodes| {
        let mut model = Model::new();
        for (path, kind, content) in nodes {
            let parents: Vec<&str> = path.match_indices('/').map(|(end, _)| &path[..end]).collect();
            let has_directories = parents
                .iter()
                .all(|parent| model.get(*parent).is_none_or(|(kind, _)| *kind == EntryKind::Directory));
            if !has_directories || model.contains_key(&path) {
                continue;
            }
            for parent in parents {
                model.insert(parent.to_owned(), (EntryKind::Directory, Vec::new()));
            }
            let entry = match kind {
                0 => (EntryKind::Directory, Vec::new()),
                1 => (EntryKind::Symlink, vec![b'x' + content]),
                _ => (EntryKind::File, vec![content; usize::from(content) * 700]),
            };
            model.insert(path, entry);
        }
        model
    })
}

/// Makes the entries of a tree; the time of a file depends on its content, as if times could be trusted.
fn items(model: &Model) -> Vec<Item> {
    let items = model.iter().map(|(path, (kind, content))| {
        let item = match kind {
            EntryKind::Directory => directory(path),
            EntryKind::Symlink => symlink(path, str::from_utf8(content).unwrap()),
            _ => file(path, content),
        };
        item.with(|entry| entry.modified.seconds += content.first().copied().map_or(0, i64::from))
    });
    std::iter::once(directory("")).chain(items).collect()
}

fn found(target: &Target) -> Model {
    let paths = target.list().into_iter();
    paths
        .map(|path| {
            let full = target.path(&path);
            let metadata = full.symlink_metadata().unwrap();
            let (kind, content) = if metadata.is_dir() {
                assert_eq!(metadata.mtime(), TIME.seconds, "{path}");
                (EntryKind::Directory, Vec::new())
            } else if metadata.is_symlink() {
                (EntryKind::Symlink, std::fs::read_link(full).unwrap().into_os_string().into_encoded_bytes())
            } else {
                (EntryKind::File, std::fs::read(full).unwrap())
            };
            (path, (kind, content))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_becomes_any_other((before, after) in (model(), model())) {
        let fixture = Fixture::new();
        let (old, new) = (fixture.snapshot(items(&before)), fixture.snapshot(items(&after)));
        for since in [None, Some(old.clone())] {
            let target = Target::new();
            fixture.restore(&RestoreRequest::new(old.clone(), target.root()));
            prop_assert_eq!(&found(&target), &before);
            let mut request = RestoreRequest::new(new.clone(), target.root());
            request.delete = true;
            request.since = since;
            fixture.restore(&request);
            prop_assert_eq!(&found(&target), &after);
            let again = fixture.restore(&request).counts;
            prop_assert_eq!((again.files_written, again.symlinks_created, again.deleted), (0, 0, 0));
        }
    }
}
