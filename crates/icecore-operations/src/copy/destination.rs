//! The destination of a copy.

use icecore_access::{AccessMode, OpenRepository, creation, unlock};
use icecore_repo::repository::Repository;

use super::{CopyRequest, CopySide, NotCopied};
use crate::{
    error::{OperationError, OperationResult},
    init::{self, CreatedDocument, InitRequest},
};

/// An opened destination, and information for the user if it was created.
type Opened = (OpenRepository, Option<CreatedDocument>);

/// Opens the destination. Creates it if it is missing and the request allows it; a dry run creates nothing
/// and returns none.
pub(super) fn open(
    destination: CopySide<'_>,
    source: &Repository,
    request: &CopyRequest,
) -> OperationResult<Option<Opened>> {
    let opened = open_or_create(destination, request).map_err(OperationError::of_destination)?;
    if let Some((open, _)) = &opened
        && open.repository.id() == source.id()
    {
        let source_location = source.store().location();
        let destination = open.repository.store().location();
        return Err(NotCopied::SameRepository { source_location, destination }.into());
    }
    Ok(opened)
}

fn open_or_create(destination: CopySide<'_>, request: &CopyRequest) -> OperationResult<Option<Opened>> {
    let CopySide { access, witness } = destination;
    if let Some(key) = &request.creation
        && creation::is_missing(access)?
    {
        if request.is_dry_run {
            return Ok(None);
        }
        let created = init::run(access, witness, &InitRequest::new(key.clone()))?;
        let document = CreatedDocument::from(&created);
        let open = access.with_catalog(created.repository, &created.store)?;
        return Ok(Some((open, Some(document))));
    }
    let mode = if request.is_dry_run { AccessMode::Read } else { AccessMode::Write };
    let store = access.open_store(mode)?;
    let repository = unlock::unlock(access, &store)?;
    Ok(Some((access.with_catalog(repository, &store)?, None)))
}
