//! Packs that are completely in memory: before they are uploaded, and when one is adopted.

use icecore_format::{
    directory::PackDirectory,
    error::{FormatError, FormatResult},
    ids::PackName,
    keys::Keys,
    layout::PackPlace,
    limits::PACK_BYTES_MAX,
    pack::{BlockOpener, read_directory_copy},
};
use rayon::prelude::*;

/// Reads a pack's own copy of its directory and opens all its blocks.
pub(crate) fn read_whole(
    keys: &Keys,
    name: PackName,
    place: PackPlace,
    pack: &[u8],
) -> FormatResult<PackDirectory> {
    let what = place.kind().name();
    if pack.len() as u64 > PACK_BYTES_MAX {
        let found = pack.len() as u64;
        return Err(FormatError::OutOfBounds { what, found, minimum: 0, maximum: PACK_BYTES_MAX });
    }
    let directory = read_directory_copy(keys, place.kind(), pack)?;
    if directory.pack != name || PackPlace::of(directory.kind, directory.group) != place {
        return Err(FormatError::Malformed { what, reason: "it does not match its key" });
    }
    verify(keys, &directory, pack)?;
    Ok(directory)
}

/// Opens every block of a pack, as a reader would.
pub fn verify(keys: &Keys, directory: &PackDirectory, pack: &[u8]) -> FormatResult<()> {
    let key = directory.object_key(keys)?;
    directory.blocks.par_iter().enumerate().try_for_each_init(
        || (BlockOpener::new(), Vec::new()),
        |(opener, plain), (ordinal, block)| {
            let opener = opener.as_mut().map_err(|error| error.clone())?;
            let start = block.offset as usize;
            let Some(stored) = pack.get(start..start + block.stored_bytes as usize) else {
                return Err(FormatError::WrongContent);
            };
            opener.open(keys, &key, directory, ordinal, stored, plain)
        },
    )
}

#[cfg(test)]
mod tests;
