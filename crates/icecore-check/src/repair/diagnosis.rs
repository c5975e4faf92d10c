//! Diagnosis of one pack: looks at its directory and at every object with its name.

use std::sync::Arc;

use bytes::Bytes;
use icecore_format::{
    directory::PackDirectory,
    error::FormatError,
    ids::PackName,
    layout::{self, PackPlace},
    limits::{DIRECTORY_BYTES_MAX, PACK_BYTES_MAX},
    pack::read_directory_copy,
};
use icecore_store::ObjectInfo;

use super::plan::StoredObject;
use crate::{
    error::CheckError,
    pack::{FrameFindings, batches, verify_blocks, verify_frame},
    session::{Fetched, Session},
};

/// Objects with the name of one pack, as the store lists them.
#[derive(Clone, Debug, Default)]
pub(super) struct PackObjects {
    /// The directory.
    pub(super) directory: Option<ObjectInfo>,
    /// Packs, by location.
    pub(super) packs: Vec<(PackPlace, ObjectInfo)>,
}

/// An object with some blocks that open.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) object: StoredObject,
    pub(super) directory: Arc<PackDirectory>,
    /// Ordinals of the blocks that open.
    pub(super) whole: Vec<usize>,
}

/// Diagnosis of a pack.
#[derive(Debug)]
pub(super) enum Diagnosis {
    /// Intact; every block was opened.
    Whole,
    /// Something that the repair leaves alone, with the key and the reason.
    Leave(String, String),
    /// The pack is intact; its directory is missing or damaged.
    Unlisted { from: StoredObject, replaced: Option<StoredObject>, directory: Arc<PackDirectory> },
    /// The pack is intact, but in a wrong location.
    Misplaced { from: StoredObject, to: String, directory: Arc<PackDirectory> },
    /// The pack is damaged.
    Bad { listed: Option<Arc<PackDirectory>>, sources: Vec<Source>, retired: Vec<StoredObject> },
}

/// State of a pack's directory.
enum Listed {
    Absent,
    Opens(StoredObject, Arc<PackDirectory>),
    Damaged(StoredObject),
    Leave(String),
}

/// Diagnoses a pack.
pub(super) async fn diagnose(
    session: &Session<'_>,
    pack: PackName,
    objects: &PackObjects,
) -> Result<Diagnosis, CheckError> {
    match open_directory(session, pack, objects.directory.as_ref()).await? {
        Listed::Leave(reason) => Ok(Diagnosis::Leave(layout::directory_key(pack), reason)),
        Listed::Opens(object, directory) => diagnose_listed(session, object, directory, objects).await,
        Listed::Damaged(object) => diagnose_unlisted(session, pack, Some(object), objects).await,
        Listed::Absent => diagnose_unlisted(session, pack, None, objects).await,
    }
}

async fn open_directory(
    session: &Session<'_>,
    pack: PackName,
    info: Option<&ObjectInfo>,
) -> Result<Listed, CheckError> {
    let Some(info) = info else { return Ok(Listed::Absent) };
    if info.size > u64::from(DIRECTORY_BYTES_MAX) {
        return Ok(Listed::Leave(format!(
            "it has {} bytes; directories have at most {DIRECTORY_BYTES_MAX}",
            info.size
        )));
    }
    let bytes = match session.get(&info.key, None).await? {
        Fetched::Bytes(bytes) => bytes,
        Fetched::Absent => return Ok(Listed::Absent),
        Fetched::Unreadable(reason) => return Ok(Listed::Leave(unreadable(&reason))),
    };
    let keys = session.share_keys();
    let opened = session.compute(move || PackDirectory::open(&keys, pack, &bytes)).await?;
    Ok(match opened {
        Ok(directory) => Listed::Opens(StoredObject::of(info), Arc::new(directory)),
        Err(error) if error.is_corruption() => Listed::Damaged(StoredObject::of(info)),
        Err(error) => Listed::Leave(error.to_string()),
    })
}

fn unreadable(reason: &str) -> String {
    format!("it cannot be read and therefore cannot be moved into quarantine: {reason}")
}

/// A pack whose directory opens.
async fn diagnose_listed(
    session: &Session<'_>,
    listed: StoredObject,
    directory: Arc<PackDirectory>,
    objects: &PackObjects,
) -> Result<Diagnosis, CheckError> {
    let right = PackPlace::of(directory.kind, directory.group);
    let mut packs: Vec<_> = objects.packs.iter().collect();
    // The one in the right location decides; it comes first.
    packs.sort_by_key(|(place, _)| *place != right);
    let in_place = packs.first().is_some_and(|(place, _)| *place == right);
    let (mut sources, mut retired) = (Vec::new(), Vec::new());
    for (place, info) in packs {
        let bytes = match read_pack(session, info).await? {
            PackObject::Bytes(bytes) => bytes,
            PackObject::Archived => return Ok(archived(info)),
            // The directory still goes into quarantine: unreadable data must not count as present.
            PackObject::Unusable(_) => continue,
        };
        let found = inspect(session, info, &directory, &bytes).await?;
        match (found.is_whole, *place == right) {
            (true, true) => return Ok(Diagnosis::Whole),
            (true, false) if !in_place => {
                let to = right.key(directory.pack);
                return Ok(Diagnosis::Misplaced { from: StoredObject::of(info), to, directory });
            }
            _ => {}
        }
        sources.push(found.source);
        if let Ok(copy) = read_copy(session, *place, bytes.clone()).await?
            && copy.salt != directory.salt
        {
            // Another pack is stored here.
            sources.push(inspect(session, info, &copy, &bytes).await?.source);
        }
        retired.push(StoredObject::of(info));
    }
    retired.push(listed);
    Ok(Diagnosis::Bad { listed: Some(directory), sources, retired })
}

/// A pack whose directory is missing or damaged: uses the copy at its end.
async fn diagnose_unlisted(
    session: &Session<'_>,
    pack: PackName,
    damaged: Option<StoredObject>,
    objects: &PackObjects,
) -> Result<Diagnosis, CheckError> {
    let (mut sources, mut retired) = (Vec::new(), Vec::new());
    for (place, info) in &objects.packs {
        let bytes = match read_pack(session, info).await? {
            PackObject::Bytes(bytes) => bytes,
            PackObject::Archived => return Ok(archived(info)),
            PackObject::Unusable(reason) if damaged.is_none() => {
                return Ok(Diagnosis::Leave(info.key.clone(), reason));
            }
            PackObject::Unusable(_) => continue,
        };
        match read_copy(session, *place, bytes.clone()).await? {
            Ok(copy) => {
                let found = inspect(session, info, &copy, &bytes).await?;
                let is_itself = copy.pack == pack && PackPlace::of(copy.kind, copy.group) == *place;
                if is_itself && found.is_whole {
                    let (from, replaced) = (StoredObject::of(info), damaged);
                    return Ok(Diagnosis::Unlisted { from, replaced, directory: copy });
                }
                sources.push(found.source);
            }
            Err(error) if !error.is_corruption() => {
                return Ok(Diagnosis::Leave(info.key.clone(), error.to_string()));
            }
            Err(error) if damaged.is_none() => {
                let reason =
                    format!("it has no directory, and its own copy of the directory cannot be read: {error}");
                return Ok(Diagnosis::Leave(info.key.clone(), reason));
            }
            Err(_) => {}
        }
        retired.push(StoredObject::of(info));
    }
    retired.extend(damaged);
    Ok(Diagnosis::Bad { listed: None, sources, retired })
}

/// Result of reading a whole pack.
enum PackObject {
    Bytes(Bytes),
    /// It must be thawed first: nothing is known about it, so nothing may be done to it.
    Archived,
    /// It cannot be read, for this reason.
    Unusable(String),
}

fn archived(info: &ObjectInfo) -> Diagnosis {
    let reason = "it is archived; thaw it, then repair again".to_owned();
    Diagnosis::Leave(info.key.clone(), reason)
}

async fn read_pack(session: &Session<'_>, info: &ObjectInfo) -> Result<PackObject, CheckError> {
    if info.size > PACK_BYTES_MAX {
        let reason = format!("it has {} bytes; packs have at most {PACK_BYTES_MAX}", info.size);
        return Ok(PackObject::Unusable(reason));
    }
    Ok(match session.get_pack(&info.key).await? {
        None => PackObject::Archived,
        Some(Fetched::Bytes(bytes)) => PackObject::Bytes(bytes),
        Some(Fetched::Absent) => PackObject::Unusable("it was deleted meanwhile".to_owned()),
        Some(Fetched::Unreadable(reason)) => PackObject::Unusable(unreadable(&reason)),
    })
}

async fn read_copy(
    session: &Session<'_>,
    place: PackPlace,
    bytes: Bytes,
) -> Result<Result<Arc<PackDirectory>, FormatError>, CheckError> {
    let keys = session.share_keys();
    session.compute(move || read_directory_copy(&keys, place.kind(), &bytes).map(Arc::new)).await
}

struct Inspected {
    source: Source,
    is_whole: bool,
}

/// Opens all blocks of a pack as a directory describes them.
async fn inspect(
    session: &Session<'_>,
    info: &ObjectInfo,
    directory: &Arc<PackDirectory>,
    bytes: &Bytes,
) -> Result<Inspected, CheckError> {
    let (tools, keys) = (session.share_tools(), session.share_keys());
    let (described, pack) = (Arc::clone(directory), bytes.clone());
    let verify = move || {
        let frame = verify_frame(&keys, &described, &pack);
        let batches = batches(&described).into_iter();
        let damaged: Vec<_> =
            batches.flat_map(|ordinals| verify_blocks(&tools, &keys, &described, &pack, ordinals)).collect();
        (frame, damaged)
    };
    let (frame, damaged) = session.compute(verify).await?;
    let is_whole = frame == FrameFindings::default() && damaged.is_empty();
    let is_damaged = |ordinal: &usize| damaged.binary_search_by_key(ordinal, |(damaged, _)| *damaged).is_ok();
    let whole = (0..directory.blocks.len()).filter(|ordinal| !is_damaged(ordinal)).collect();
    let source = Source { object: StoredObject::of(info), directory: Arc::clone(directory), whole };
    Ok(Inspected { source, is_whole })
}
