//! Small repositories and the actors that work on them.

use super::{
    config::{Config, Given, UndoPlan, WriterPlan},
    set::Set,
    store::Record,
};

/// A snapshot is forgotten while a backup runs that has one of its chunks.
pub(super) fn backup() -> Config {
    Config {
        snapshots: vec![(0, Set::of(&[0, 1]))],
        forgettable: Set::of(&[0]),
        writers: vec![WriterPlan::new(1, &[1, 2])],
        ..Config::default()
    }
}

/// As [`backup`], with two collectors.
pub(super) fn two_collectors() -> Config {
    Config { collectors: 2, has_fine_steps: false, ..backup() }
}

/// Each snapshot has the one before as its base, which is forgotten: the collector lists the snapshots, then
/// a run commits on the base of one that is forgotten before the collector reads it.
pub(super) fn chain() -> Config {
    Config {
        snapshots: vec![(0, Set::of(&[0, 1]))],
        forgettable: Set::of(&[0, 1]),
        writers: vec![
            WriterPlan { base: Some(0), ..WriterPlan::new(1, &[0, 1]) },
            WriterPlan { base: Some(1), ..WriterPlan::new(2, &[0, 2]) },
        ],
        records: 1,
        ..Config::default()
    }
}

/// Two runs want the same chunk, and either may be fenced.
pub(super) fn two_writers() -> Config {
    Config {
        writers: vec![WriterPlan::new(1, &[0]), WriterPlan::new(2, &[0, 1])],
        has_fine_steps: false,
        ..Config::default()
    }
}

/// A copier adopts a pack that a dead run left behind without a directory.
pub(super) fn copier() -> Config {
    Config {
        left_behind: vec![(0, Set::of(&[0]), false)],
        writers: vec![WriterPlan { adopts: true, ..WriterPlan::new(1, &[0]) }],
        collectors: 2,
        has_fine_steps: false,
        ..Config::default()
    }
}

/// A session continues another one of the same command.
pub(super) fn continued() -> Config {
    Config {
        left_behind: vec![(0, Set::of(&[0]), true)],
        writers: vec![
            WriterPlan::new(1, &[0, 1]),
            WriterPlan { continues: Some(0), ..WriterPlan::new(2, &[0, 1]) },
        ],
        ..Config::default()
    }
}

/// A snapshot is forgotten and brought back.
pub(super) fn undo() -> Config {
    Config {
        snapshots: vec![(0, Set::of(&[0]))],
        forgettable: Set::of(&[0, 1]),
        undo: Some(UndoPlan { run: 1, snapshot: 0 }),
        ..Config::default()
    }
}

/// As [`undo`], with two collectors.
pub(super) fn undo_two_collectors() -> Config {
    Config { collectors: 2, has_fine_steps: false, ..undo() }
}

/// As [`undo`], beside a backup of the same chunk.
pub(super) fn undo_and_backup() -> Config {
    Config { writers: vec![WriterPlan::new(2, &[0])], has_fine_steps: false, ..undo() }
}

/// A snapshot is restored while it is forgotten.
pub(super) fn reader() -> Config {
    Config { reads: Some(0), ..backup() }
}

/// A store returns only the beginning of listings. The collector's own name is the last one.
pub(super) fn cut() -> Config {
    Config { cuts_listings: true, collector_name: 6, ..backup() }
}

/// Replies are lost in addition.
pub(super) fn losing_replies(config: Config) -> Config {
    Config { loses_replies: true, ..config }
}

/// What the sweeper of a record has in hand that is closed since: the pack of the fenced run 1.
fn old_record() -> Record {
    let packs = Set::of(&[1]);
    Record { sweeping: true, packs, listed: [packs, Set::EMPTY], waiting: Some(packs), ..Record::default() }
}

/// The fenced run 1 is about to write its pack again, two collectors are about to sweep it, and the newest
/// record was made before the fence.
pub(super) fn late_writer() -> Config {
    Config {
        writers: vec![WriterPlan::new(1, &[0]), WriterPlan::new(2, &[0])],
        left_behind: vec![(1, Set::of(&[0]), true)],
        collectors: 2,
        records: 2,
        has_fine_steps: false,
        given: Given {
            records: [Some(old_record()), Some(Record { waiting: Some(Set::of(&[1])), ..Record::default() })],
            sweeping: Some(old_record()),
            writer_wakes: true,
            swept: Set::EMPTY,
        },
        ..Config::default()
    }
}

/// The fenced run 1 has written its swept pack again, and a collector may still sweep the old one. One of its
/// chunks is live, so that it is not condemned.
pub(super) fn pack_again() -> Config {
    let newest = Record {
        sweeping: true,
        waiting: Some(Set::EMPTY),
        dead: Set::of(&[1, 3]),
        usable: Set::of(&[3]),
        ..Record::default()
    };
    Config {
        snapshots: vec![(0, Set::of(&[1]))],
        left_behind: vec![(1, Set::of(&[0, 1]), true), (3, Set::of(&[2]), true)],
        writers: vec![WriterPlan::new(2, &[0])],
        collectors: 2,
        records: 3,
        given: Given { records: [None, Some(newest)], sweeping: Some(old_record()), ..Given::default() },
        ..Config::default()
    }
}

/// As [`pack_again`], and a deleted snapshot has a chunk that is only in this pack.
pub(super) fn undo_pack_again() -> Config {
    Config {
        snapshots: vec![(0, Set::of(&[1])), (4, Set::of(&[0]))],
        undo: Some(UndoPlan { run: 2, snapshot: 4 }),
        writers: Vec::new(),
        records: 2,
        given: Given { swept: Set::of(&[4]), ..pack_again().given },
        ..pack_again()
    }
}
