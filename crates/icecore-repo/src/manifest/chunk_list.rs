//! Long chunk lists: writing them as a tree, reading them in order.

use std::vec;

use icecore_format::{
    chunk_list::{ChunkListBuilder, ChunkListNode},
    entry::{ChunkListRef, ChunkRef, Content},
    limits::INLINE_CHUNKS_MAX,
    seal::ObjectKind,
};

use crate::{
    error::{RepoError, RepoResult},
    reader::ChunkReader,
    session::WriteSession,
};

/// Writes the chunks of a large file as a tree and returns its root.
///
/// # Panics
/// When there are no chunks.
pub fn write_chunk_list(session: &mut WriteSession<'_>, chunks: &[ChunkRef]) -> RepoResult<ChunkListRef> {
    assert!(!chunks.is_empty(), "an empty chunk list is kept inline");
    let mut tree = TreeWriter::default();
    for chunk in chunks {
        tree.push(session, *chunk)?;
    }
    tree.finish(session)
}

/// Takes the chunks of a file one after the other; its memory does not depend on their number.
#[derive(Debug, Default)]
pub struct ChunkListWriter {
    inline: Vec<ChunkRef>,
    tree: Option<TreeWriter>,
    bytes: u64,
}

impl ChunkListWriter {
    /// Adds a chunk or a hole.
    pub fn push(&mut self, session: &mut WriteSession<'_>, chunk: ChunkRef) -> RepoResult<()> {
        self.bytes = self.bytes.saturating_add(chunk.length.into());
        if self.tree.is_none() && (chunk.is_hole() || self.inline.len() >= INLINE_CHUNKS_MAX) {
            let mut tree = TreeWriter::default();
            for chunk in self.inline.drain(..) {
                tree.push(session, chunk)?;
            }
            self.tree = Some(tree);
        }
        if let Some(tree) = &mut self.tree {
            return tree.push(session, chunk);
        }
        self.inline.push(chunk);
        Ok(())
    }

    /// Returns the sum of the lengths in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Stores the remaining chunks and returns the content: inline if it is short and has no holes.
    pub fn finish(self, session: &mut WriteSession<'_>) -> RepoResult<Content> {
        match self.tree {
            Some(tree) => Ok(Content::List(tree.finish(session)?)),
            None => Ok(Content::Inline(self.inline)),
        }
    }
}

/// The open nodes of a tree, one of each level.
#[derive(Debug, Default)]
struct TreeWriter {
    levels: Vec<ListLevel>,
}

#[derive(Debug)]
struct ListLevel {
    builder: ChunkListBuilder,
    /// Nodes that were stored, and the last of them.
    nodes: u64,
    last: Option<ChunkListRef>,
}

impl TreeWriter {
    fn push(&mut self, session: &mut WriteSession<'_>, chunk: ChunkRef) -> RepoResult<()> {
        if self.level(0).builder.push_chunk(chunk) { self.end_node(session, 0) } else { Ok(()) }
    }

    fn level(&mut self, level: usize) -> &mut ListLevel {
        while self.levels.len() <= level {
            let builder = ChunkListBuilder::new(self.levels.len() as u8);
            self.levels.push(ListLevel { builder, nodes: 0, last: None });
        }
        &mut self.levels[level]
    }

    /// Stores the open node of a level; the level above begins when a level gets its second node.
    fn end_node(&mut self, session: &mut WriteSession<'_>, mut level: usize) -> RepoResult<()> {
        loop {
            let ended = self.level(level);
            let node = store_node(session, &mut ended.builder)?;
            let before = ended.last.replace(node);
            ended.nodes += 1;
            let first = if ended.nodes == 2 { before } else { None };
            if ended.nodes == 1 {
                return Ok(());
            }
            level += 1;
            let above = self.level(level);
            let mut ends = false;
            if let Some(first) = first {
                ends = above.builder.push_node(&first);
            }
            if ends {
                self.end_node(session, level)?;
            }
            if !self.level(level).builder.push_node(&node) {
                return Ok(());
            }
        }
    }

    fn finish(mut self, session: &mut WriteSession<'_>) -> RepoResult<ChunkListRef> {
        let mut level = 0;
        loop {
            if !self.level(level).builder.is_empty() {
                self.end_node(session, level)?;
            }
            let ListLevel { nodes, last, .. } = self.level(level);
            match last {
                Some(root) if *nodes == 1 => return Ok(*root),
                _ => level += 1,
            }
        }
    }
}

fn store_node(session: &mut WriteSession<'_>, builder: &mut ChunkListBuilder) -> RepoResult<ChunkListRef> {
    let node = builder.finish(session.repository().keys())?;
    session.add_chunk(ObjectKind::Manifest, node.list.id, &node.raw)?;
    Ok(node.list)
}

/// Streams the chunks of a file's content, inline or from a chunk list, and the holes that are items of the
/// list.
#[derive(Debug)]
pub struct ChunkListReader<'a> {
    reader: &'a ChunkReader,
    chunks: vec::IntoIter<ChunkRef>,
    pending: Vec<ChunkListRef>,
}

impl<'a> ChunkListReader<'a> {
    /// Begins at the first chunk.
    pub fn new(reader: &'a ChunkReader, content: &Content) -> Self {
        match content {
            Content::Inline(chunks) => {
                Self { reader, chunks: chunks.clone().into_iter(), pending: Vec::new() }
            }
            Content::List(list) => Self { reader, chunks: Vec::new().into_iter(), pending: vec![*list] },
        }
    }

    /// Returns all chunks and holes of a content at once.
    pub fn collect(reader: &'a ChunkReader, content: &Content) -> RepoResult<Vec<ChunkRef>> {
        let mut list = Self::new(reader, content);
        let mut chunks = Vec::new();
        while let Some(chunk) = list.next()? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// Returns the next chunk or hole.
    #[expect(
        clippy::should_implement_trait,
        reason = "each step may fail for good, which `Iterator` has no word for"
    )]
    pub fn next(&mut self) -> RepoResult<Option<ChunkRef>> {
        loop {
            if let Some(chunk) = self.chunks.next() {
                return Ok(Some(chunk));
            }
            let Some(list) = self.pending.pop() else { return Ok(None) };
            let raw = self.reader.read_node(list.id)?;
            let object = || format!("chunk-list node {}", list.id);
            match ChunkListNode::decode(&raw, &list)
                .map_err(|source| RepoError::Object { key: object(), source })?
            {
                ChunkListNode::Leaf(chunks) => self.chunks = chunks.into_iter(),
                ChunkListNode::Inner(nodes) => self.pending.extend(nodes.into_iter().rev()),
            }
        }
    }
}
