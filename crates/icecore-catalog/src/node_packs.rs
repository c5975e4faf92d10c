//! The packs that a node of a manifest and everything below it need. If they are lost, the nodes are read
//! again.

use icecore_format::ids::{ChunkId, PackName, RunId};
use rusqlite::{OptionalExtension, params};

use crate::{catalog::Catalog, checksum::row_checksum, error::CatalogError};

const NODE_PACKS: &str = "node_packs";
const SELECT: &str = "SELECT checksum, packs FROM node_packs WHERE node = ?1";
const UPSERT: &str = "INSERT OR REPLACE INTO node_packs(node, checksum, packs) VALUES (?1, ?2, ?3)";

/// The packs that a node and everything below it need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePacks {
    /// The node: of a manifest, or of a chunk list.
    pub node: ChunkId,
    /// Its packs, sorted by name.
    pub packs: Vec<PackName>,
}

impl Catalog {
    /// Returns the packs that were recorded for a node; nothing if there are none or the row is damaged.
    pub fn packs_of_node(&self, node: &ChunkId) -> Result<Option<Vec<PackName>>, CatalogError> {
        let select = || {
            let mut statement = self.connection().prepare_cached(SELECT)?;
            let row = statement.query_row([node.0.as_slice()], |row| {
                let (checksum, packs): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
                Ok((checksum == row_checksum(NODE_PACKS, &[&node.0, &packs])).then(|| decode(&packs)))
            });
            row.optional()
        };
        let found = select().map_err(|error| self.failed(error))?;
        Ok(found.flatten().flatten())
    }

    /// Records the packs of nodes, in one transaction, replacing earlier records.
    pub fn put_packs_of_nodes(&mut self, rows: &[NodePacks]) -> Result<(), CatalogError> {
        self.write(|connection| {
            let mut statement = connection.prepare_cached(UPSERT)?;
            for NodePacks { node, packs } in rows {
                let packs = encode(packs);
                let checksum = row_checksum(NODE_PACKS, &[&node.0, &packs]);
                statement.execute(params![node.0.as_slice(), checksum.as_slice(), packs])?;
            }
            Ok(())
        })
    }

    /// Returns the number of nodes with recorded packs.
    pub fn noted_node_count(&self) -> Result<usize, CatalogError> {
        self.count("SELECT count(*) FROM node_packs")
    }

    /// Removes the packs of all nodes.
    pub fn forget_packs_of_nodes(&mut self) -> Result<(), CatalogError> {
        self.write(|connection| connection.execute("DELETE FROM node_packs", []).map(drop))
    }
}

/// Writes sorted names: for each run, its name and the number of its packs, then the difference of each
/// number from the one before, as little-endian base-128 numbers.
fn encode(packs: &[PackName]) -> Vec<u8> {
    let mut out = Vec::new();
    for of_run in packs.chunk_by(|left, right| left.run == right.run) {
        out.extend_from_slice(&of_run[0].run.0);
        put_number(&mut out, of_run.len() as u64);
        let mut before = 0;
        for pack in of_run {
            put_number(&mut out, u64::from(pack.number).wrapping_sub(before));
            before = pack.number.into();
        }
    }
    out
}

/// Reads the form of [`encode`]; nothing if the form is wrong.
fn decode(mut bytes: &[u8]) -> Option<Vec<PackName>> {
    let mut packs = Vec::new();
    while !bytes.is_empty() {
        let (run, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        let mut number = 0u64;
        for _ in 0..take_number(&mut bytes)? {
            number = number.wrapping_add(take_number(&mut bytes)?);
            packs.push(PackName { run: RunId(*run), number: u32::try_from(number).ok()? });
        }
    }
    packs.is_sorted().then_some(packs)
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
