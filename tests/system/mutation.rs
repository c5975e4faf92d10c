//! Thousands of backups of a tree that changes at every level at the same time.
//!
//! [`mutator::Mutator`] changes the tree and writes a journal; [`runner`] makes backups at the same time,
//! checks and restores them, and gives each to [`judge::judge`], which decides whether the tree allowed the
//! snapshot. This page is all that a judge needs. `ICECORE_TESTS_MUTATION_STEPS` sets the number of steps,
//! `ICECORE_TESTS_MUTATION_SEED` the seed, and `ICECORE_TESTS_MUTATION_JOURNAL` names a file that gets the
//! journal of backups under way.
//!
//! # Objects
//!
//! Everything with an inode is an *object*: file, directory, symbolic link or pipe. It has a number
//! ([`state::ObjectId`]) that no other object ever has; the root is object 0. A hard link is one object with
//! several names. A *place* is a name in a directory: the number of the directory's object, and the name.
//! Renaming a directory changes only its own place, so the paths of everything below it change by that one
//! record. Names are ASCII.
//!
//! # Contents
//!
//! A file consists of records of 64 bytes. Record `i` of a file is the text
//!
//! ```text
//! FFFFFFFFFFFFFFFF GGGGGGGGGGGGGGGG IIIIIIII L ..................\n
//! ```
//!
//! with the number of the file's object (16 hexadecimal digits, lower case), the generation (16), the
//! record's own index `i` (8) and the letter of the layout, each followed by a space; then dots up to byte
//! 62, and a line feed as byte 63. Layout `d` (dense): all records are there. Layout `s` (sparse): of the
//! blocks of 64 records (4 KiB), counted from 0, those whose number is divisible by three hold records; the
//! others are zeros, and holes where the file system has holes. So record 0 is always text.
//!
//! In every state *at rest*, all records of a file are of one object, one generation and one layout, and the
//! file's length is a multiple of 64 (0 is possible). Object, generation, number of records and layout
//! together ([`content::Content`]) are a *content*. Each writing uses a new generation, which no other
//! content of any file has. Appending and truncating keep the generation, and only change the number of
//! records. (So a content can return: truncated to 5 records, then extended to 9 again.) The object in the
//! records is the object of the file, even if the file is moved or linked. [`content::Content::recognise`]
//! decides from the bytes alone: empty, one content, or a mixture.
//!
//! # Journal
//!
//! A [`journal::Journal`] is a list of [`journal::Record`]s, in order. The tree before the first is an empty
//! root of mode 0755. Each record is one change:
//!
//! - `sequence`: 0, 1, 2 …; `step` and `operation`: the step that the record is a part of, and what the step
//!   does as a whole (`RenameDirectoryAndBack` has two records, `Deploy` dozens). Only records matter for
//!   judging; steps explain.
//! - `started`, `finished`: before the first and after the last system call of the change, on the same clock
//!   ([`mutator::Mutator::clock`]) as the runner's times. Records never overlap: one ends before the next
//!   begins.
//! - `paths`: for people; the paths of the names that change (from, to), or all names of the object, before
//!   the change.
//! - `effect`, one of:
//!   - *created* `object` at `place` with `kind` and `mode`. The place was free. Directories are empty; files
//!     are empty, have a content of 0 records, and `modified`. Symbolic links have a target and mode 0777.
//!   - *linked* `object` at `place`: one more name of a file. The place was free.
//!   - *unlinked* `object` at `place`: the name is removed, and if it was the last one, the object, too.
//!     Directories are empty then.
//!   - *renamed* `object` from `from` to `to`; `replaced` is the object that `to` named until then, if any
//!     (never a directory), and loses that name, as if unlinked, at the same moment.
//!   - *written* `object`: content `before` becomes `after`, by many system calls; `modified` is the file's
//!     time afterwards. It can be the time before the change (put back), with the same length.
//!   - *time-set* `object`: the time of modification becomes `modified`.
//!   - *mode-set* `object`: permission bits become `mode`.
//!   - *attribute-set* `object`: the extended attribute `name` becomes `value`, or is removed if there is no
//!     value.
//!
//! Every effect except *written* happens at one moment between `started` and `finished`: before it, the tree
//! is in one state; after it, in the other. There is nothing in between. A file that is being *written* goes
//! through *intermediate contents*, one after each system call; no other object is affected. If `before` and
//! `after` are of one generation, records are added in order, 4 KiB at a time (or truncated by one call).
//! Otherwise the blocks of `after` are written over those of `before` in the order of the blocks' numbers
//! with their bits reversed (of eight blocks: 0, 4, 2, 6, 1, 5, 3, 7), without the sparse ones. The bytes
//! between the old end and a block written beyond it are zeros. Then the length is set, if it is not right
//! yet, and finally the time, if it is put back. [`content::Content::is_between`] says whether some bytes are
//! `before`, `after` or an intermediate content of a *written* record. The time of modification can have any
//! value until the record is finished. In files of up to 64 records of dense layout, whose length stays,
//! there is no intermediate content.
//!
//! [`state::State::apply`] applies an effect; [`state::State`] has kind, mode, content, time, attributes and
//! names of each object. Times of modification are recorded only for regular files; owners never change.
//!
//! In a file, the journal is one JSON object for each record, each in a line. Fields: `sequence`, `step`,
//! `operation`, `started`, `finished` (nanoseconds), `paths`; `effect` (the words above), `object` (number);
//! `place`, `from`, `to` as `{"parent": number, "name": text}`; `replaced` (number or null); `kind`
//! (`directory`, `file`, `symlink`, `fifo`), `mode` (four octal digits); `more` of a created object: null,
//! `{"target": text}`, or `{"content", "modified"}`; `before`, `after`, `content` as
//! `{"file", "generation", "records", "layout"}`; `modified` as `[seconds, nanoseconds]`; `name`, `value`
//! (text or null).
//!
//! # What existed between two moments
//!
//! A backup runs from `started` to `finished` (taken before the program is started and after it has ended).
//! The states in that time are: the state after all records with `record.finished <= started`; then the state
//! after each further record with `record.started < finished`. A fact (an object at a place, a content of an
//! object, a mode, …) *existed* if it holds in one of these states, and was *steady* if it holds in all of
//! them and no such record is about it. Names and paths change whenever a record is about any directory
//! above: a path is steady if each step from the root down to it is.
//!
//! # What a judge is given
//!
//! The journal and a [`runner::Taken`] for each backup: its times, level and exit code, its item of `sources`
//! in the document of `backup --json`, the document of `ls --json --recursive` (entries with `path`, `kind`,
//! `mode`, `size`, `modified`, `inode`, `hard_link`, `marks`, as in `docs/json.md`) and the directory that
//! the snapshot was restored into. The last two backups, an incremental one and a full one, are made after
//! the mutator has stopped: everything is steady then.
//!
//! # What a snapshot may be
//!
//! A backup is not an atomic picture of a tree that changes. It may legitimately
//!
//! - see an object that is renamed during the backup under its old name, its new one, both, or neither; the
//!   same is true for everything below a renamed directory;
//! - contain objects and contents of different moments, and so a combination that never existed at once: `a`
//!   from before a change, `b` from after one that came earlier;
//! - find a file by a directory that has moved: every step of a path from the root down has existed, but not
//!   all steps at the same moment. *A path may name an object if for each of its components there is a moment
//!   at which that name in that directory was that object*, the directory being the object that the path so
//!   far has led to, by one chain for all components;
//! - mark a file as `changed-while-read` if a record about the object overlaps the backup (linking, renaming,
//!   *mode-set* and *attribute-set* too: they change the time of change). The content of such a file is not
//!   judged. The same is true for a file that is marked as `unreadable`;
//! - mark a directory as `unreadable` if it was renamed or unlinked during the backup, or took the place of
//!   another object, or if a directory above it did: names in it may be missing then. Existing names are
//!   judged as everywhere. A name alone (mark `name-only`) may stand for anything that existed there;
//! - mark anything as `attributes-incomplete` for the same reason; its attributes are not judged then;
//! - have one file, linked several times, as a group of the names that existed, also without those that it
//!   got or lost meanwhile; or as several separate files, if its names changed meanwhile.
//!
//! # What a snapshot must never be
//!
//! - A file without mark whose bytes are neither a content that existed for its object nor an intermediate
//!   content of a *written* record of the object that overlaps the backup. (An intermediate content is not a
//!   fault: the program may have opened, read and closed the file between two calls that wrote it. But a file
//!   that is written to between the start and the end of its reading must be marked, or read again. Because
//!   of the order of the blocks, the bytes of such a reading are usually not an intermediate content.) An
//!   incremental backup that skips a changed file fails here: the old content no longer existed.
//! - A file without mark whose length, time of modification and mode did not exist together with its content
//!   in one state. (The time is not judged if a *written* record of the object overlaps the backup, and
//!   neither is the length of an intermediate content.)
//! - A path whose object was never there (by the chain above), or of a kind that was never there: the object
//!   in the records of a file must be one that the path may name. For an empty file, a symbolic link, a pipe
//!   and a directory, the object is not known: one that fits (kind, target, mode) is enough.
//! - An entry without an entry for the directory above it, or below an object that is not a directory; two
//!   entries of one path.
//! - A link group (in the restored tree: one inode with several names; in the listing: entries with
//!   `hard_link` of one `inode` that the restore links) of names that may not name one and the same object,
//!   or entries of it that differ in length, time or mode.
//! - A mode, a target or attributes that did not exist for an object that the path may name.
//! - A missing entry that was steady: if a path was steady, the entry is there, regardless of changes to its
//!   neighbours, and is not marked if it is a directory. If no record that overlaps the backup is about its
//!   object, it has exactly that state and is not marked, and all its names with steady paths are in one link
//!   group. If only its content or properties changed meanwhile, they are in one group or the exit code is 3.
//! - Exit code 0 with `changed-while-read`, `unreadable`, `name-only` or `attributes-incomplete` anywhere in
//!   the listing; exit code 3 if everything was steady.
//! - A restored tree that differs from the listing in paths, kinds, modes, lengths or targets, apart from
//!   files that are `unreadable` or `name-only`, which may be missing.
//!
//! One exception is documented in `docs/levels.md`: if a file was rewritten with its length and time put
//! back, *and* its mode or attributes changed since the base was begun, an incremental or differential backup
//! may keep the old content until the next full. So, in a snapshot that is not a full, a file without mark
//! may have the content that its object had in an earlier snapshot under any name (files of a directory that
//! was moved are not read again either), back to the last full, if the two entries have the same length and
//! time of modification, and a *mode-set* or *attribute-set* of its object comes after the start of that
//! earlier backup and before the end of this one.
//!
//! One thing depends on the machine: a kernel before 6.13 has change times with a granularity of up to 10 ms.
//! A file that is written twice within this time, with its time put back, may look unchanged after the second
//! writing. The same is true for a file that is written while it is read.

mod content;
mod generator;
mod journal;
mod judge;
mod mutator;
mod operations;
mod runner;
mod state;

use crate::harness::number;

/// Steps while backups run: a few seconds' worth.
const STEPS: u64 = 4000;
const SEED: u64 = 29;

#[test]
fn backups_of_a_changing_tree_are_states_that_existed() {
    let (steps, seed) =
        (number("ICECORE_TESTS_MUTATION_STEPS", STEPS), number("ICECORE_TESTS_MUTATION_SEED", SEED));
    runner::back_up_while_it_changes(seed, steps, judge::judge);
}

#[test]
fn backups_between_changes_are_exact() {
    let (steps, seed) =
        (number("ICECORE_TESTS_MUTATION_STEPS", STEPS), number("ICECORE_TESTS_MUTATION_SEED", SEED));
    runner::back_up_between_changes(seed, steps / 4);
}
