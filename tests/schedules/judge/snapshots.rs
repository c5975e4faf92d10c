//! Snapshots (section 14).

use super::{
    names::Run,
    values::{Fault, Value},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Complete,
    Aborted,
    Deleted,
}

/// Seconds and nanoseconds.
pub(super) type Time = (i64, u32);

pub(super) struct Snapshot {
    pub(super) state: State,
    pub(super) source: String,
    pub(super) host: String,
    root: Vec<u8>,
    pub(super) start: Time,
    level: u8,
    scope: u8,
    group: Run,
    pub(super) is_copy: bool,
    /// Number in the order of the source's snapshots; 0 if it has none.
    pub(super) number: u64,
    /// Present in states *complete* and *deleted*.
    pub(super) completion: Option<Completion>,
}

#[derive(Clone)]
pub(super) struct Completion {
    pub(super) end: Time,
    pub(super) root: [u8; 24],
    pub(super) level: u8,
    pub(super) totals: Totals,
}

/// Entries, regular files, and bytes of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) entries: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Snapshot {
    /// Reads the record in the snapshot object of this run.
    pub(super) fn read(record: &Value, run: Run) -> Result<Self, Fault> {
        if record.field(1)?.fixed()? != run.0 {
            return Err("the snapshot is that of another run".into());
        }
        let state = match record.field(0)?.unsigned::<u8>()? {
            0 => State::Pending,
            1 => State::Complete,
            2 => State::Aborted,
            3 => State::Deleted,
            state => return Err(format!("the state {state} is unknown")),
        };
        check_fields(record, state)?;
        let group = Run(record.field(9)?.fixed()?);
        let (level, scope) = (record.field(7)?.unsigned::<u8>()?, record.field(8)?.unsigned::<u8>()?);
        // What brings a forgotten full back names it, and stays in its group.
        let is_copy = record.optional(16)?.is_some();
        if level > 2 || scope > 1 || (level == 0 && group != run && !is_copy) {
            return Err(format!("level {level}, scope {scope} and group {group} contradict each other"));
        }
        let number = record.number(17)?;
        if number > 1 << 53 {
            return Err("its number in the order of snapshots is too large".into());
        }
        record.field(12)?.text()?;
        Ok(Self {
            state,
            source: record.field(2)?.text()?.to_owned(),
            host: record.field(3)?.text()?.to_owned(),
            root: record.field(4)?.bytes()?.to_vec(),
            start: time(record.field(6)?)?,
            level,
            scope,
            group,
            is_copy,
            number,
            completion: record.optional(15)?.map(Completion::read).transpose()?,
        })
    }

    /// The group whose packs alone the snapshot may use, if it has the scope *group*.
    pub(super) fn only_group(&self) -> Option<Run> {
        (self.scope == 1).then_some(self.group)
    }

    /// Where the snapshot is among those of its source.
    pub(super) fn is_of_same_source(&self, other: &Self) -> bool {
        (&self.source, &self.host) == (&other.source, &other.host)
    }

    /// The digest by which the log knows the snapshot (section 19), unless it never was complete.
    pub(super) fn digest(&self, run: Run) -> Option<[u8; 32]> {
        let completion = self.completion.as_ref()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&run.0).update(&self.group.0).update(&completion.root);
        hasher.update(&[completion.level, self.level, self.scope]);
        hasher.update(&self.start.0.to_le_bytes()).update(&self.start.1.to_le_bytes());
        let Totals { entries, files, bytes } = completion.totals;
        for number in [entries, files, bytes] {
            hasher.update(&number.to_le_bytes());
        }
        for text in [self.source.as_bytes(), self.host.as_bytes(), &self.root] {
            hasher.update(&u32::try_from(text.len()).ok()?.to_le_bytes()).update(text);
        }
        Some(*hasher.finalize().as_bytes())
    }
}

impl Completion {
    fn read(record: &Value) -> Result<Self, Fault> {
        let statistics = record.field(8)?;
        (0..9).try_for_each(|key| statistics.field(key)?.unsigned::<u64>().map(|_| ()))?;
        record.field(6)?.unsigned::<u64>()?;
        Ok(Self {
            end: time(record.field(0)?)?,
            root: record.field(1)?.fixed()?,
            level: record.field(2)?.unsigned()?,
            totals: Totals {
                entries: record.field(3)?.unsigned()?,
                files: record.field(4)?.unsigned()?,
                bytes: record.field(5)?.unsigned()?,
            },
        })
    }
}

/// Checks that the snapshot has the fields of its state, and no others.
fn check_fields(record: &Value, state: State) -> Result<(), Fault> {
    let was_complete = matches!(state, State::Complete | State::Deleted);
    // Field, whether it must be there, whether it may be there.
    let rules = [
        (13, state == State::Pending, state == State::Pending),
        (14, false, state == State::Aborted),
        (15, was_complete, was_complete),
        (19, false, was_complete),
        (20, false, was_complete),
    ];
    for (key, must, may) in rules {
        let exists = record.optional(key)?.is_some();
        if (must && !exists) || (exists && !may) {
            return Err(format!("the field {key} does not fit the state {state:?}"));
        }
    }
    Ok(())
}

pub(super) fn time(value: &Value) -> Result<Time, Fault> {
    match value.array()? {
        [seconds, nanoseconds] => Ok((seconds.unsigned()?, nanoseconds.unsigned()?)),
        _ => Err("a time has two numbers".into()),
    }
}
