//! File contents, byte by byte.

use std::{fmt::Write, ops::Range};

use crate::mutation::{content::Content, state::ObjectId};

const RECORD: usize = 64;
/// Records in a block.
const BLOCK: usize = 64;
/// One of this many blocks holds records, if the content is sparse.
const SPARSE: usize = 3;
/// Maximum number of runs of records that are shown for a file.
const SHOWN_MAX: usize = 8;

/// Returns all bytes of a content.
pub(super) fn render(content: &Content) -> Vec<u8> {
    let mut bytes = vec![0; content.records as usize * RECORD];
    for block in blocks(content) {
        let place = place(content, block);
        bytes[place.clone()].copy_from_slice(&render_block(content, block));
    }
    bytes
}

/// Returns the numbers of the blocks that hold records, in order.
fn blocks(content: &Content) -> impl Iterator<Item = usize> {
    let is_sparse = content.layout.letter() == 's';
    let number = (content.records as usize).div_ceil(BLOCK);
    (0..number).filter(move |block| !is_sparse || block % SPARSE == 0)
}

fn place(content: &Content, block: usize) -> Range<usize> {
    let end = ((block + 1) * BLOCK).min(content.records as usize);
    block * BLOCK * RECORD..end * RECORD
}

fn render_block(content: &Content, block: usize) -> Vec<u8> {
    let place = place(content, block);
    let mut text = String::with_capacity(place.len());
    for index in place.start / RECORD..place.end / RECORD {
        let (file, generation, letter) = (content.file, content.generation, content.layout.letter());
        writeln!(text, "{file:016x} {generation:016x} {index:08x} {letter} {:.<18}", "").unwrap();
    }
    text.into()
}

/// Returns whether bytes are the content.
pub(super) fn is(bytes: &[u8], content: &Content) -> bool {
    // Most differences are visible without rendering.
    let may_be = bytes.len() == content.records as usize * RECORD;
    may_be
        && (bytes.is_empty() || header(bytes).is_some_and(|found| found.1 == content.generation))
        && render(content) == bytes
}

/// Returns whether bytes are the state of a file after some, but not all, of the calls that turn `before`
/// into `after`.
pub(super) fn is_intermediate(bytes: &[u8], before: &Content, after: &Content) -> bool {
    if before.generation == after.generation {
        return is_partly_appended(bytes, before, after);
    }
    let mut order: Vec<usize> = blocks(after).collect();
    order.sort_by_key(|block| block.reverse_bits());
    let mut current = render(before);
    for block in order {
        let place = place(after, block);
        current.resize(current.len().max(place.end), 0);
        current[place].copy_from_slice(&render_block(after, block));
        if current == bytes {
            return true;
        }
    }
    false
}

/// A piece is 4 KiB from the end of the last one, or up to the end of the block.
fn is_partly_appended(bytes: &[u8], before: &Content, after: &Content) -> bool {
    let (old, new) = (before.records as usize, after.records as usize);
    let records = bytes.len() / RECORD;
    let is_step = records.is_multiple_of(BLOCK) || records.abs_diff(old).is_multiple_of(BLOCK);
    // The last piece ends with a record, not with a hole.
    let has_end = records > 0 && blocks(after).any(|block| block == (records - 1) / BLOCK);
    let all = render(after);
    old < records && records < new && is_step && has_end && all[..records * RECORD] == *bytes
}

/// Returns the object in the first record of a file.
pub(super) fn author(bytes: &[u8]) -> Option<ObjectId> {
    header(bytes).map(|(file, ..)| file)
}

/// Returns object, generation, index and layout of the first record.
fn header(bytes: &[u8]) -> Option<(u64, u64, u64, &str)> {
    let text = str::from_utf8(bytes.get(..RECORD)?).ok()?;
    let words: Vec<&str> = text.split(' ').collect();
    let [file, generation, index, layout, dots] = words[..] else { return None };
    let number = |word: &str, length| {
        let is_number = word.len() == length && !word.starts_with('+');
        is_number.then(|| u64::from_str_radix(word, 16).ok()).flatten()
    };
    let is_whole = ["s", "d"].contains(&layout) && dots == "..................\n";
    is_whole.then_some(())?;
    Some((number(file, 16)?, number(generation, 16)?, number(index, 8)?, layout))
}

/// Describes the records of a file.
pub(super) fn describe(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let mut runs: Vec<(String, usize, usize)> = Vec::new();
    for (index, record) in bytes.chunks(RECORD).enumerate() {
        let what = describe_record(index, record);
        match runs.last_mut() {
            Some((last, _, end)) if *last == what => *end = index,
            _ => runs.push((what, index, index)),
        }
    }
    let more = runs.len().saturating_sub(SHOWN_MAX);
    let shown = runs.iter().take(SHOWN_MAX);
    let mut parts: Vec<String> = shown.map(|(what, begin, end)| format!("{begin} to {end} {what}")).collect();
    if more > 0 {
        parts.push(format!("and {more} more runs"));
    }
    format!("records {}", parts.join(", "))
}

fn describe_record(index: usize, record: &[u8]) -> String {
    match header(record) {
        Some((file, generation, own, layout)) if own == index as u64 => {
            format!("of object {file} generation {generation} {layout}")
        }
        Some(_) => "of another place".to_owned(),
        None if record.iter().all(|byte| *byte == 0) => "zeros".to_owned(),
        None => "none of the mutator's".to_owned(),
    }
}
