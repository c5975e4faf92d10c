//! Verifies the repository header and the key slots.

use futures_util::{StreamExt, TryStreamExt, stream};
use icecore_format::{
    error::FormatError,
    header::Header,
    layout,
    slot::{SLOT_BYTES_MAX, read_slot},
};
use icecore_store::ObjectInfo;

use crate::{
    error::CheckError,
    keyspace::{KeyForm, classify},
    report::ProblemKind,
    session::{Fetched, Opened, Session},
};

/// No header has this many bytes.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// Verifies the repository header.
pub(crate) async fn check_header(session: &Session<'_>) -> Result<(), CheckError> {
    let key = layout::HEADER_KEY;
    match session.get(key, Some(0..HEADER_BYTES_MAX)).await? {
        Fetched::Absent => {
            session.report(
                ProblemKind::HeaderMissing,
                Some(key),
                "the repository header is missing".to_owned(),
            );
        }
        Fetched::Unreadable(reason) => session.report(ProblemKind::ObjectUnreadable, Some(key), reason),
        Fetched::Bytes(object) => {
            if let Err(error) = Header::open(session.keys(), &object) {
                session.report_format(ProblemKind::HeaderDamaged, key, &error);
            }
        }
    }
    Ok(())
}

/// Verifies that the key slots among the listed objects are intact; does not try a password.
pub(crate) async fn check_slots(session: &Session<'_>, mut slots: Vec<ObjectInfo>) -> Result<(), CheckError> {
    // The others are reported as foreign later.
    slots.retain(|slot| classify(&slot.key) == KeyForm::Slot);
    let found = slots.len();
    let checks = stream::iter(slots).map(|slot| async move {
        if slot.size > SLOT_BYTES_MAX {
            let detail = format!("it has {} bytes; key slots have at most {SLOT_BYTES_MAX}", slot.size);
            session.report(ProblemKind::KeySlotDamaged, Some(&slot.key), detail);
            return Ok(false);
        }
        let (key, repository) = (slot.key.clone(), session.keys().repository());
        let opened = session.open(&slot, SLOT_BYTES_MAX, move |object| {
            let info = read_slot(object)?;
            if layout::slot_key(object) != key {
                return Ok(Some("its name is not the hash of its content"));
            }
            Ok::<_, FormatError>(
                (info.repository != repository).then_some("it belongs to another repository"),
            )
        });
        match opened.await? {
            Opened::Value(Ok(None)) => return Ok(true),
            Opened::Value(Ok(Some(reason))) => {
                session.report(ProblemKind::KeySlotDamaged, Some(&slot.key), reason.to_owned());
            }
            Opened::Value(Err(error)) => {
                session.report_format(ProblemKind::KeySlotDamaged, &slot.key, &error);
            }
            Opened::Vanished | Opened::Unreadable => {}
        }
        Ok::<_, CheckError>(false)
    });
    let intact: Vec<bool> = checks.buffer_unordered(session.concurrency()).try_collect().await?;
    if !intact.contains(&true) {
        let detail = format!(
            "none of the {found} key slots is intact; add one while you can still open the repository"
        );
        session.report(ProblemKind::KeySlotsLost, None, detail);
    }
    Ok(())
}
