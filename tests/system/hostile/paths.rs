//! Paths and links that lead out of the target, and impossible paths.

use super::{
    ABSOLUTE, Cell,
    forge::Forge,
    incomplete,
    record::{DIRECTORY, FIFO, Item, field},
    run_all,
};

/// Completes a snapshot of one file with this path.
fn file_at(forge: &mut Forge<'_>, path: impl AsRef<[u8]>) {
    let chunk = forge.chunk(b"hostile");
    forge.snapshot(&[Item::file(path, Some(chunk))]);
}

/// Completes a snapshot of files with these paths, in this order.
fn files_at(forge: &mut Forge<'_>, paths: &[&str]) {
    let chunk = forge.chunk(b"hostile");
    let items: Vec<Item> = paths.iter().map(|path| Item::file(path, Some(chunk))).collect();
    forge.snapshot(&items);
}

#[test]
fn paths_that_lead_out() {
    let dots = "it has a `.` or `..` component";
    run_all(&[
        Cell::refused("parent", |forge| file_at(forge, "../x"), dots),
        Cell::refused("parent alone", |forge| file_at(forge, ".."), dots),
        Cell::refused("parent inside", |forge| file_at(forge, "a/../../outside/x"), dots),
        Cell::refused("dot", |forge| file_at(forge, "a/./b"), dots),
        Cell::refused(
            "absolute",
            |forge| file_at(forge, ABSOLUTE),
            "it is absolute or has an empty component",
        ),
        Cell::refused(
            "empty component",
            |forge| file_at(forge, "a//b"),
            "it is absolute or has an empty component",
        ),
        Cell::refused(
            "slash at the end",
            |forge| file_at(forge, "a/"),
            "it is absolute or has an empty component",
        ),
        Cell::refused("NUL", |forge| file_at(forge, "a\0b"), "it contains a NUL byte"),
        Cell::refused("long name", |forge| file_at(forge, "n".repeat(5000)), "a component that is too long"),
        Cell::refused("long path", |forge| file_at(forge, "n/".repeat(3 << 20) + "n"), "too long"),
    ]);
}

#[test]
fn paths_that_do_not_fit_each_other() {
    let unsorted = "paths are repeated or not sorted";
    run_all(&[
        Cell::refused("duplicates", |forge| files_at(forge, &["a", "a"]), unsorted),
        Cell::refused("unsorted", |forge| files_at(forge, &["b", "a"]), unsorted),
        // Sorted as bytes, but not component by component.
        Cell::refused("sorted as bytes", |forge| files_at(forge, &["a", "a.b", "a/b"]), unsorted),
        Cell::refused("a second root", |forge| file_at(forge, ""), unsorted),
        Cell {
            name: "file as directory",
            forge: |forge| files_at(forge, &["a", "a/b"]),
            restore: 1,
            check: 20,
            says: "a/b",
            opens: true,
        },
        Cell {
            name: "no parent",
            forge: |forge| files_at(forge, &["a/b/c", "file"]),
            restore: 0,
            check: 20,
            says: "",
            opens: true,
        },
        Cell {
            name: "a name that no file system takes",
            forge: |forge| files_at(forge, &[&"n".repeat(300), "o"]),
            restore: 1,
            check: 0,
            says: "nnn",
            opens: true,
        },
        Cell {
            name: "a path of 3,000 levels without its parents",
            forge: |forge| file_at(forge, "d/".repeat(3_000) + "f"),
            restore: 0,
            check: 20,
            says: "",
            opens: true,
        },
    ]);
}

/// Completes a snapshot with a symbolic link to the outside and an entry below or after it.
fn with_link(forge: &mut Forge<'_>, more: impl FnOnce(&mut Forge<'_>) -> Vec<Item>) {
    let outside = forge.sandbox.path("outside").into_os_string().into_encoded_bytes();
    let mut items = vec![Item::symlink("link", outside)];
    items.extend(more(forge));
    forge.snapshot(&items);
}

#[test]
fn symbolic_links() {
    run_all(&[
        Cell {
            name: "a link to the outside, which is only a link",
            forge: |forge| with_link(forge, |_| Vec::new()),
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell {
            name: "a file through a link",
            forge: |forge| {
                with_link(forge, |forge| vec![Item::file("link/file", Some(forge.chunk(b"hostile")))]);
            },
            restore: 1,
            check: 20,
            says: "link/file",
            opens: true,
        },
        Cell {
            name: "a directory through a link",
            forge: |forge| {
                with_link(forge, |forge| {
                    let chunk = forge.chunk(b"hostile");
                    vec![
                        Item::new("link/directory", DIRECTORY),
                        Item::file("link/directory/new", Some(chunk)),
                    ]
                });
            },
            restore: 1,
            check: 20,
            says: "link/directory",
            opens: true,
        },
        Cell {
            name: "a long target",
            forge: |forge| forge.snapshot(&[Item::symlink("link", "t".repeat(60_000))]),
            restore: 1,
            check: 0,
            says: "link",
            opens: true,
        },
        Cell::refused(
            "a target that is too long",
            |forge| forge.snapshot(&[Item::symlink("link", "t".repeat(70_000))]),
            "the target of a symbolic link is too long",
        ),
        Cell::refused(
            "a target with NUL",
            |forge| forge.snapshot(&[Item::symlink("link", "a\0b")]),
            "contains NUL",
        ),
        Cell::refused(
            "a file with a target",
            |forge| forge.snapshot(&[Item::file("file", None).bytes(field::TARGET, b"x")]),
            "target of a symbolic link is missing, misplaced",
        ),
    ]);
}

#[test]
fn link_groups_that_lie() {
    run_all(&[
        Cell {
            name: "a link to a link to the outside",
            forge: |forge| {
                let outside = forge.sandbox.path("outside/file").into_os_string().into_encoded_bytes();
                let chunk = forge.chunk(b"hostile");
                forge.snapshot(&[
                    Item::symlink("a", outside).linked(5),
                    Item::file("file", Some(chunk)).linked(5),
                ]);
            },
            restore: incomplete(),
            check: 20,
            says: "",
            opens: true,
        },
        Cell::refused(
            "a link to a directory",
            |forge| {
                forge.snapshot(&[Item::new("a", DIRECTORY).linked(5), Item::file("file", None).linked(5)]);
            },
            "cannot have content, size or links",
        ),
        Cell {
            name: "a link to itself",
            forge: |forge| forge.snapshot(&[Item::file("file", None).linked(5)]),
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell {
            name: "links with different contents",
            forge: |forge| {
                let (one, two) = (forge.chunk(b"one"), forge.chunk(b"three"));
                forge.snapshot(&[
                    Item::file("file", Some(one)).linked(5),
                    Item::file("file2", Some(two)).linked(5),
                    Item::new("pipe", FIFO).linked(5),
                ]);
            },
            restore: incomplete(),
            check: 20,
            says: "",
            opens: true,
        },
        Cell {
            name: "a link whose other name is below a link to the outside",
            forge: |forge| {
                with_link(forge, |forge| {
                    let chunk = forge.chunk(b"hostile");
                    vec![
                        Item::file("link/file", Some(chunk)).linked(5),
                        Item::file("zfile", Some(chunk)).linked(5),
                    ]
                });
            },
            restore: 1,
            check: 20,
            says: "link/file",
            opens: true,
        },
    ]);
}
