//! Collection records (section 21).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    log::Snapshots,
    names::{PackName, Run},
    snapshots::State,
    values::{Fault, Value},
};

pub(super) struct Collection {
    pub(super) is_sweeping: bool,
    pub(super) packs: BTreeSet<PackName>,
    pub(super) deleted: BTreeSet<Run>,
    /// Absent until the list is made.
    pub(super) waiting: Option<BTreeSet<Run>>,
    /// Numbers of the usable packs of each dead run.
    pub(super) dead: BTreeMap<Run, BTreeSet<u32>>,
    cleared: BTreeSet<Run>,
}

/// All collection records by number.
pub(super) type Collections = BTreeMap<u32, Collection>;

impl Collection {
    /// Reads the record in the object with this number.
    pub(super) fn read(record: &Value, number: u32) -> Result<Self, Fault> {
        if record.field(0)?.unsigned::<u32>()? != number {
            return Err("the record has another number than its key says".into());
        }
        let is_sweeping = match record.field(1)?.unsigned::<u8>()? {
            0 => false,
            1 => true,
            state => return Err(format!("the state {state} is unknown")),
        };
        record.field(2)?.fixed::<16>()?;
        let dead = record.list(8, |item| match item.array()? {
            [run, usable] => Ok((Run(run.fixed()?), ascending(usable.each(Value::unsigned)?)?)),
            _ => Err("a dead run has two parts".into()),
        })?;
        let count = dead.len();
        let dead: BTreeMap<_, _> = dead.into_iter().collect();
        if dead.len() != count {
            return Err("a dead run is named twice".into());
        }
        let packs = ascending(record.field(5)?.each(pack)?)?;
        let repacked = ascending(record.list(10, Value::unsigned::<usize>)?)?;
        if repacked.last().is_some_and(|position| *position >= packs.len()) {
            return Err("a repacked pack is not in the record".into());
        }
        let run = |value: &Value| value.fixed().map(Run);
        Ok(Self {
            is_sweeping,
            packs,
            deleted: ascending(record.list(6, run)?)?,
            waiting: record.optional(7)?.map(|list| ascending(list.each(run)?)).transpose()?,
            dead,
            cleared: ascending(record.list(9, run)?)?,
        })
    }
}

fn pack(value: &Value) -> Result<PackName, Fault> {
    let [run, number, kind, _group, _length, pack, directory] = value.array()? else {
        return Err("a pack has seven parts".into());
    };
    if !matches!(kind.unsigned::<u8>()?, 2 | 3) {
        return Err("a pack has an unknown kind".into());
    }
    if pack.text()?.is_empty() && directory.text()?.is_empty() {
        return Err("a pack has neither version".into());
    }
    Ok(PackName { run: Run(run.fixed()?), number: number.unsigned()? })
}

/// Returns the items of a list that must be strictly ascending.
fn ascending<T: Ord>(items: Vec<T>) -> Result<BTreeSet<T>, Fault> {
    if items.is_sorted_by(|one, next| one < next) {
        Ok(items.into_iter().collect())
    } else {
        Err("a list is not ascending".into())
    }
}

/// Says whether a pack is condemned: named by a record, or of a dead run and not usable.
pub(super) fn is_condemned(collections: &Collections, pack: PackName) -> bool {
    let newest = collections.values().rev().find_map(|record| record.dead.get(&pack.run));
    newest.is_some_and(|usable| !usable.contains(&pack.number))
        || collections.values().any(|record| record.packs.contains(&pack))
}

/// Says whether a record names a run as one that may have packs without a snapshot object.
pub(super) fn is_ended(collections: &Collections, run: Run) -> bool {
    collections.values().any(|record| record.dead.contains_key(&run) || record.cleared.contains(&run))
}

/// Returns where snapshots are in a state that the records exclude.
pub(super) fn judge(collections: &Collections, snapshots: &Snapshots) -> Vec<Fault> {
    let state = |run: &Run| snapshots.get(run).map(|snapshot| snapshot.state);
    let mut faults = Vec::new();
    for (number, record) in collections {
        let mut fault = |run: &Run, what: &str| {
            if let Some(state) = state(run) {
                let text = format!("collection {number} names the run {run} as {what}, and it is {state:?}");
                faults.push(text);
            }
        };
        for run in record.dead.keys().filter(|run| state(run) != Some(State::Aborted)) {
            fault(run, "dead");
        }
        // A snapshot that was forgotten may come back until the sweep.
        let is_right = |run: &&Run| {
            let is_open = record.deleted.contains(run) && !record.is_sweeping;
            state(run).is_none_or(|state| state == State::Deleted || (state == State::Complete && is_open))
        };
        for run in record.deleted.iter().filter(|run| !is_right(run)) {
            fault(run, "deleted");
        }
        // A record names a snapshot as cleared already when it condemns it.
        for run in record.cleared.iter().filter(|run| !is_right(run)) {
            fault(run, "cleared");
        }
        if !record.is_sweeping {
            continue;
        }
        for run in record.waiting.iter().flatten().filter(|run| state(run) == Some(State::Pending)) {
            fault(run, "a run to wait for, although it sweeps already");
        }
        if record.waiting.is_none() {
            faults.push(format!("collection {number} sweeps without having made its wait list"));
        }
    }
    faults
}
