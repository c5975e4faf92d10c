//! Times, owners, modes, devices, attributes and names that are out of range or malicious.

use super::{
    Cell, incomplete,
    record::{CHARACTER_DEVICE, DIRECTORY, FILE, Item, field},
    run_all,
};

fn file() -> Item {
    Item::file("file", None)
}

#[test]
fn times_out_of_range() {
    run_all(&[
        Cell {
            name: "the end of time",
            forge: |forge| forge.snapshot(&[file().signed(field::MODIFIED, i64::MAX)]),
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell {
            name: "the beginning of time",
            forge: |forge| {
                let directory = Item::new("directory", DIRECTORY).signed(field::MODIFIED, i64::MIN);
                forge.snapshot(&[directory, file().signed(field::MODIFIED, i64::MIN)]);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell::refused(
            "too many nanoseconds",
            |forge| forge.snapshot(&[file().number(field::NANOSECONDS, 2_000_000_000)]),
            "nanoseconds are a second or more",
        ),
        Cell {
            name: "a run at the end of time",
            forge: |forge| {
                forge.origin.started.seconds = i64::MAX;
                forge.snapshot(&[file()]);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
    ]);
}

#[test]
fn owners_modes_and_devices() {
    run_all(&[
        Cell {
            name: "an owner that means nobody",
            forge: |forge| {
                forge.snapshot(&[file().number(field::USER, u32::MAX.into()).number(field::MODE, 0o6777)]);
            },
            restore: incomplete(),
            check: 0,
            says: "",
            opens: true,
        },
        Cell::refused(
            "mode bits beyond",
            |forge| forge.snapshot(&[file().number(field::MODE, 0o170_777)]),
            "mode has bits beyond",
        ),
        Cell::refused(
            "a user beyond 32 bits",
            |forge| forge.snapshot(&[file().number(field::USER, 1 << 32)]),
            "not the expected CBOR",
        ),
        Cell {
            name: "a device that no kernel has",
            forge: |forge| {
                forge.snapshot(&[Item::new("device", CHARACTER_DEVICE).number(field::DEVICE, u64::MAX)]);
            },
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell::refused("an unknown kind", |forge| forge.snapshot(&[Item::new("file", 9)]), "unknown kind"),
    ]);
}

#[test]
fn attributes() {
    run_all(&[
        Cell::refused(
            "a million",
            |forge| forge.snapshot(&[file().attributes(1_000_000)]),
            "number of extended attributes",
        ),
        Cell {
            name: "more than a file can have",
            forge: |forge| forge.snapshot(&[file().attributes(60_000)]),
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
        Cell {
            name: "millions in one node",
            forge: |forge| {
                let items =
                    (0..20).map(|number| Item::file(format!("file{number:02}"), None).attributes(60_000));
                forge.snapshot(&items.collect::<Vec<_>>());
            },
            restore: 20,
            check: 20,
            says: "extended attributes",
            opens: true,
        },
        Cell {
            name: "a capability and a security label that make no sense",
            forge: |forge| {
                let mut map = vec![0xa2];
                for (name, value) in [("security.capability", "x"), ("security.selinux", "y")] {
                    map.push(0x40 | name.len() as u8);
                    map.extend(name.bytes());
                    map.push(0x41);
                    map.extend(value.bytes());
                }
                forge.snapshot(&[file().raw(field::ATTRIBUTES, map)]);
            },
            restore: incomplete(),
            check: 0,
            says: "file",
            opens: true,
        },
    ]);
}

#[test]
fn names_that_disturb_a_terminal() {
    run_all(&[
        Cell {
            name: "control characters",
            forge: |forge| {
                let chunk = forge.chunk(b"\x1b[2J");
                let names = ["\x01bell\x07", "\x1b[31mred\x1b[0m", "new\nline", "tab\t", "\u{202e}txt.exe"];
                let mut items: Vec<Item> = names.iter().map(|name| Item::file(name, Some(chunk))).collect();
                // One of them cannot be restored, so an error names it.
                let missing = icecore_format::ids::ChunkId([1; 24]);
                items.push(Item::file(b"\xff\xfe\x1b]0;title\x07", Some((missing, 10))));
                items.sort_by(|left, right| left.path.cmp(&right.path));
                items.retain(|item| !item.path.is_empty());
                forge.snapshot(&items);
            },
            restore: 20,
            check: 20,
            says: "\\u{1b}]0;title",
            opens: true,
        },
        Cell {
            name: "a source and a tag with control characters",
            forge: |forge| {
                forge.origin.source = "../\x1b[2Jsource\n".to_owned();
                forge.origin.host = "\x1b]0;host\x07".to_owned();
                forge.origin.root = b"/nowhere\x1b[1m\n".to_vec();
                forge.origin.tags.insert("\x1b[5mkey".to_owned(), "\x07".to_owned());
                forge.origin.command = vec!["\x1b[7m".to_owned()];
                forge.snapshot(&[Item::new("file", FILE)]);
            },
            // There are now two sources, and the command names none.
            restore: 2,
            check: 0,
            says: "",
            opens: true,
        },
        Cell {
            name: "a link to a target with control characters",
            forge: |forge| forge.snapshot(&[Item::symlink("a", "\x1b[2J\r\n")]),
            restore: 0,
            check: 0,
            says: "",
            opens: true,
        },
    ]);
}
