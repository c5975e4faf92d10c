//! Reads nodes: finds the blocks that hold them, reads each block once, and examines the nodes on the pool.

use std::{collections::HashSet, iter, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::future;
use icecore_format::{
    directory::{BlockInfo, PackDirectory},
    error::FormatError,
    keys::Keys,
    seal::ObjectKind,
};

use crate::{
    error::CheckError,
    graph::{Expected, Graph, NodeNumber, Scopes},
    inventory::Inventory,
    leaf::{Examined, Reading, examine},
    session::{Fetched, Session, Tools},
};

/// Blocks that are at most this many bytes apart are read with one call.
const GAP_BYTES_MAX: u64 = 256 << 10;
/// Maximum number of bytes that are read with one call, unless a single block is longer.
const RUN_BYTES_MAX: u64 = 4 << 20;

/// Nodes that are planned and read together.
const PORTION_NODES: usize = 8 << 10;
/// How much memory a stored byte usually needs at most while its block is read: stored, decompressed,
/// decoded.
const MEMORY_FOR_BYTE: u64 = 8;

/// A block of a pack: number of the pack, ordinal of the block.
pub(crate) type BlockPlace = (u32, u32);

/// A node to be read from a block.
#[derive(Debug)]
struct WantedNode {
    number: NodeNumber,
    reading: Reading,
    scopes: Scopes,
    /// Position in the plaintext of the block.
    range: Range<usize>,
}

/// A block to be read, with its wanted nodes.
#[derive(Debug)]
pub(crate) struct WantedBlock {
    ordinal: usize,
    nodes: Vec<WantedNode>,
}

/// Blocks to be read with one call.
#[derive(Debug)]
pub(crate) struct BlockRun {
    pack: u32,
    directory: Arc<PackDirectory>,
    range: Range<u64>,
    blocks: Vec<WantedBlock>,
}

/// A node with its location, for sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlacedNode {
    place: BlockPlace,
    /// Position in the plaintext of the block.
    start: u32,
    end: u32,
    number: NodeNumber,
}

/// Result of reading a block.
#[derive(Debug)]
pub(crate) struct BlockResult {
    /// Which block.
    pub(crate) place: BlockPlace,
    /// Nodes that were wanted from it.
    pub(crate) nodes: Vec<NodeNumber>,
    /// The examined nodes, in the same order; or why the block does not open.
    pub(crate) examined: Result<Vec<Examined>, BlockFailure>,
}

/// Why a block does not open.
#[derive(Clone, Debug)]
pub(crate) enum BlockFailure {
    /// Its pack no longer exists.
    Absent,
    /// The storage medium cannot read its bytes.
    Unreadable(String),
    /// It is damaged.
    Damaged(FormatError),
}

/// Finds the locations of nodes, in the order in which they are stored; `damaged` are blocks that are known
/// not to open. Also returns the nodes that have no readable copy left.
pub(crate) fn place_all(
    inventory: &Inventory,
    graph: &Graph,
    wanted: &[NodeNumber],
    damaged: &HashSet<BlockPlace>,
) -> (Vec<PlacedNode>, Vec<NodeNumber>) {
    let (mut placed, mut unavailable) = (Vec::with_capacity(wanted.len()), Vec::new());
    for &number in wanted {
        match place_of(inventory, graph, number, damaged) {
            Some((place, Range { start, end })) => placed.push(PlacedNode { place, start, end, number }),
            None => unavailable.push(number),
        }
    }
    placed.sort_unstable();
    (placed, unavailable)
}

/// Divides nodes into portions that are read one after the other, to limit memory; the nodes of a block stay
/// together.
pub(crate) fn portions(placed: &[PlacedNode]) -> impl Iterator<Item = &[PlacedNode]> {
    let mut rest = placed;
    iter::from_fn(move || {
        let mut end = rest.len().min(PORTION_NODES);
        while let (Some(before), Some(next)) = (rest.get(end.wrapping_sub(1)), rest.get(end))
            && before.place == next.place
        {
            end += 1;
        }
        let (portion, remaining) = rest.split_at(end);
        rest = remaining;
        (!portion.is_empty()).then_some(portion)
    })
}

/// Returns the runs of blocks to be read for a portion.
pub(crate) fn runs(inventory: &Inventory, graph: &Graph, portion: &[PlacedNode]) -> Vec<BlockRun> {
    let mut runs = Vec::new();
    for group in portion.chunk_by(|left, right| left.place == right.place) {
        let Some(&PlacedNode { place: (pack, ordinal), .. }) = group.first() else { continue };
        let Some(directory) = &inventory.packs[pack as usize].directory else { continue };
        let nodes = group.iter().map(|node| wanted_node(graph, node)).collect();
        push_block(&mut runs, pack, directory, WantedBlock { ordinal: ordinal as usize, nodes });
    }
    runs
}

/// Finds a copy of a node that may be readable: its block, and its position in the block's plaintext.
fn place_of(
    inventory: &Inventory,
    graph: &Graph,
    number: NodeNumber,
    damaged: &HashSet<BlockPlace>,
) -> Option<(BlockPlace, Range<u32>)> {
    let copies = inventory.table.copies(ObjectKind::Manifest, &graph.node(number).id);
    let mut readable = copies.filter(|row| inventory.is_readable(row));
    readable.find_map(|row| {
        let directory = inventory.packs[row.pack() as usize].directory.as_ref()?;
        let after = directory.blocks.partition_point(|block| block.first_chunk <= row.position());
        let ordinal = after.checked_sub(1)?;
        let place = (row.pack(), ordinal as u32);
        if damaged.contains(&place) {
            return None;
        }
        let block = &directory.blocks[ordinal];
        let before = (row.position() - block.first_chunk) as usize;
        let earlier = &directory.block_chunks(block)[..before];
        let start: u32 = earlier.iter().map(|chunk| chunk.length).sum();
        Some((place, start..start + row.length()))
    })
}

fn wanted_node(graph: &Graph, &PlacedNode { start, end, number, .. }: &PlacedNode) -> WantedNode {
    let node = graph.node(number);
    let reading = match &node.expected {
        Expected::Manifest { .. } => Reading::Manifest,
        Expected::List(list) => Reading::List(*list),
    };
    WantedNode { number, reading, scopes: Arc::clone(&node.scopes), range: start as usize..end as usize }
}

fn stored_range(block: &BlockInfo) -> Range<u64> {
    block.offset..block.offset + u64::from(block.stored_bytes)
}

/// Adds a block to the last run if it follows closely; otherwise begins a new run.
fn push_block(runs: &mut Vec<BlockRun>, pack: u32, directory: &Arc<PackDirectory>, block: WantedBlock) {
    let range = stored_range(&directory.blocks[block.ordinal]);
    if let Some(run) = runs.last_mut()
        && run.pack == pack
        && range.start <= run.range.end + GAP_BYTES_MAX
        && range.end - run.range.start <= RUN_BYTES_MAX
    {
        run.range.end = range.end;
        run.blocks.push(block);
    } else {
        runs.push(BlockRun { pack, directory: Arc::clone(directory), range, blocks: vec![block] });
    }
}

/// Reads the blocks of a run and examines their wanted nodes.
pub(crate) async fn read_run(
    session: &Session<'_>,
    inventory: &Arc<Inventory>,
    run: BlockRun,
) -> Result<Vec<BlockResult>, CheckError> {
    let BlockRun { pack, directory, range, blocks } = run;
    let _permit = session.reserve((range.end - range.start).saturating_mul(MEMORY_FOR_BYTE)).await?;
    let key = inventory.packs[pack as usize].key();
    let bytes = match session.get(&key, Some(range.clone())).await? {
        Fetched::Bytes(bytes) => bytes,
        Fetched::Absent => return Ok(fail_all(pack, blocks, &BlockFailure::Absent)),
        Fetched::Unreadable(reason) => return Ok(fail_all(pack, blocks, &BlockFailure::Unreadable(reason))),
    };
    // The nodes of the next level may be in the same blocks.
    session.retain(&key, range.start, &bytes);
    session.progress(blocks.iter().map(|block| block.nodes.len()).sum(), bytes.len() as u64);
    let opening = blocks.into_iter().map(|block| {
        let stored = stored_range(&directory.blocks[block.ordinal]);
        let start = ((stored.start - range.start) as usize).min(bytes.len());
        let end = ((stored.end - range.start) as usize).min(bytes.len());
        let (stored, keys, tools) = (bytes.slice(start..end), session.share_keys(), session.share_tools());
        let (inventory, directory) = (Arc::clone(inventory), Arc::clone(&directory));
        session.compute(move || open_block(&tools, &keys, &inventory, pack, &directory, block, &stored))
    });
    future::try_join_all(opening).await
}

fn fail_all(pack: u32, blocks: Vec<WantedBlock>, failure: &BlockFailure) -> Vec<BlockResult> {
    let fail = |block: WantedBlock| BlockResult {
        place: (pack, block.ordinal as u32),
        nodes: block.nodes.into_iter().map(|node| node.number).collect(),
        examined: Err(failure.clone()),
    };
    blocks.into_iter().map(fail).collect()
}

fn open_block(
    tools: &Tools,
    keys: &Keys,
    inventory: &Inventory,
    pack: u32,
    directory: &PackDirectory,
    block: WantedBlock,
    stored: &Bytes,
) -> BlockResult {
    let examined = tools.lend(|opener, plain| {
        let key = directory.object_key(keys)?;
        opener.open(keys, &key, directory, block.ordinal, stored, plain)?;
        let examine_node = |node: &WantedNode| match plain.get(node.range.clone()) {
            Some(raw) => examine(inventory, node.reading, &node.scopes, raw),
            None => Examined::Malformed(FormatError::WrongContent),
        };
        Ok(block.nodes.iter().map(examine_node).collect())
    });
    BlockResult {
        place: (pack, block.ordinal as u32),
        examined: examined.flatten().map_err(BlockFailure::Damaged),
        nodes: block.nodes.into_iter().map(|node| node.number).collect(),
    }
}
