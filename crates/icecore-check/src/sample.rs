//! Chooses which packs are read.

use std::{cmp::Reverse, time::SystemTime};

use icecore_format::ids::PackName;

use crate::{
    error::CheckError,
    inventory::{Inventory, PackState},
    options::CheckOptions,
};

/// Which packs a check reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Numbers of the packs to read, sorted.
    pub(crate) packs: Vec<u32>,
    /// Numbers of the packs that are due, but exceed the sample; the next one last.
    left: Vec<u32>,
}

/// A pack that may be read, in the order of choice: first those that were never verified, then those that
/// were verified longest ago; chance decides among equals.
type Candidate = (Option<SystemTime>, [u8; 32], u32);

/// Chooses the packs to read according to the options, and if any are read, all those with a wrong length.
pub(crate) fn choose(inventory: &Inventory, options: &CheckOptions) -> Result<Choice, CheckError> {
    let percent = options.percent()?;
    if percent <= 0.0 {
        return Ok(Choice::default());
    }
    let mut wrong_size = Vec::new();
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut bytes_total = 0u64;
    for (number, pack) in (0..).zip(&inventory.packs) {
        match pack.state {
            PackState::Present => {
                bytes_total = bytes_total.saturating_add(pack.bytes);
                let last = last_verified(options, pack.name);
                if is_due(options, last) {
                    candidates.push((last, rank(&options.seed, pack.name), number));
                }
            }
            PackState::WrongSize(_) => wrong_size.push(number),
            PackState::Missing | PackState::Vanished => {}
        }
    }
    candidates.sort_unstable_by_key(|candidate| Reverse(*candidate));
    let left = candidates.into_iter().map(|(.., number)| number).collect();
    let mut choice = Choice { packs: wrong_size, left };
    choice.take(inventory, share_of(bytes_total, percent));
    Ok(choice)
}

impl Choice {
    /// Returns the number of packs that are due, but exceed the sample.
    pub(crate) fn packs_left(&self) -> u64 {
        self.left.len() as u64
    }

    /// Chooses the next packs, with `bytes` in total, instead of packs that turned out to be archived.
    pub(crate) fn replace(&mut self, inventory: &Inventory, bytes: u64) {
        self.packs.clear();
        self.take(inventory, bytes);
    }

    fn take(&mut self, inventory: &Inventory, bytes: u64) {
        let mut bytes_left = bytes;
        while bytes_left > 0
            && let Some(number) = self.left.pop()
        {
            bytes_left = bytes_left.saturating_sub(inventory.packs[number as usize].bytes);
            self.packs.push(number);
        }
        self.packs.sort_unstable();
    }
}

/// Returns when a pack was last verified. A time in the future came from a wrong clock, and is ignored.
fn last_verified(options: &CheckOptions, pack: PackName) -> Option<SystemTime> {
    options.verified.get(&pack).copied().filter(|time| *time <= options.now)
}

fn is_due(options: &CheckOptions, last: Option<SystemTime>) -> bool {
    let (Some(within), Some(last), false) = (options.within, last, options.read_data) else { return true };
    options.now.duration_since(last).is_ok_and(|age| age > within)
}

/// Returns `percent` of `bytes`, rounded up; all of them for 100 %.
#[expect(clippy::cast_sign_loss, reason = "the share was checked to lie between 0 and 100")]
fn share_of(bytes: u64, percent: f64) -> u64 {
    if percent >= 100.0 { u64::MAX } else { (bytes as f64 * percent / 100.0).ceil() as u64 }
}

fn rank(seed: &[u8; 32], pack: PackName) -> [u8; 32] {
    *blake3::keyed_hash(seed, pack.to_string().as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests;
