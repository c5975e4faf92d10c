//! Chooses which packs are read.

use icecore_format::ids::PackName;

use crate::inventory::{Inventory, PackState};

/// Returns the numbers of the packs to read, sorted: `percent` (0 to 100) of those that exist, chosen by `seed`, and all
/// that have a wrong length if any are read at all.
pub(crate) fn choose(inventory: &Inventory, percent: f64, seed: &[u8; 32]) -> Vec<u32> {
    if percent <= 0.0 {
        return Vec::new();
    }
    let mut chosen = Vec::new();
    let mut candidates = Vec::new();
    for (number, pack) in (0..).zip(&inventory.packs) {
        match pack.state {
            PackState::Present => candidates.push((rank(seed, pack.name), number)),
            PackState::WrongSize(_) => chosen.push(number),
            PackState::Missing | PackState::Vanished => {}
        }
    }
    candidates.sort_unstable();
    candidates.truncate(share_of(candidates.len(), percent));
    chosen.extend(candidates.into_iter().map(|(_, number)| number));
    chosen.sort_unstable();
    chosen
}

/// Returns `percent` of `count`, rounded up.
#[expect(clippy::cast_sign_loss, reason = "the share was checked to lie between 0 and 100")]
fn share_of(count: usize, percent: f64) -> usize {
    ((count as f64 * percent / 100.0).ceil() as usize).min(count)
}

fn rank(seed: &[u8; 32], pack: PackName) -> [u8; 32] {
    *blake3::keyed_hash(seed, pack.to_string().as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests;
