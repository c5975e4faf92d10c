//! Long chunk lists: writing them as a tree, reading them in order.

use std::vec;

use icecore_format::{
    chunk_list::{ChunkListBuilder, ChunkListNode},
    entry::{ChunkListRef, ChunkRef, Content},
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
pub fn write_chunk_list(session: &mut WriteSession, chunks: &[ChunkRef]) -> RepoResult<ChunkListRef> {
    assert!(!chunks.is_empty(), "an empty chunk list is kept inline");
    let mut nodes = Vec::new();
    let mut builder = ChunkListBuilder::new(0);
    for (number, chunk) in chunks.iter().enumerate() {
        if builder.push_chunk(*chunk) || number + 1 == chunks.len() {
            nodes.push(store_node(session, &mut builder)?);
        }
    }
    let mut level = 0;
    while nodes.len() > 1 {
        level += 1;
        let children = std::mem::take(&mut nodes);
        let mut builder = ChunkListBuilder::new(level);
        for (number, child) in children.iter().enumerate() {
            if builder.push_node(child) || number + 1 == children.len() {
                nodes.push(store_node(session, &mut builder)?);
            }
        }
    }
    Ok(nodes[0])
}

fn store_node(session: &mut WriteSession, builder: &mut ChunkListBuilder) -> RepoResult<ChunkListRef> {
    let node = builder.finish(session.repository().keys())?;
    session.add_chunk(ObjectKind::Manifest, node.list.id, &node.raw)?;
    Ok(node.list)
}

/// Streams the chunks of a file's content, inline or from a chunk list.
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

    /// Returns all chunks of a content at once.
    pub fn collect(reader: &'a ChunkReader, content: &Content) -> RepoResult<Vec<ChunkRef>> {
        let mut list = Self::new(reader, content);
        let mut chunks = Vec::new();
        while let Some(chunk) = list.next()? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// Returns the next chunk.
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
