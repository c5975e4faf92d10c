//! The objects of packs, as records note them.

use icecore_format::{collection::CollectedPack, layout::PackPlace, seal::ObjectKind};
use icecore_store::ObjectInfo;

use crate::packs::{ListedPack, PackTable};

/// Describes a pack as it is listed.
pub(super) fn collected(pack: &ListedPack) -> CollectedPack {
    let place = pack.pack.as_ref().map(|(place, _)| *place);
    CollectedPack {
        name: pack.name,
        kind: place.map_or(ObjectKind::Manifest, PackPlace::kind),
        group: match place {
            Some(PackPlace::Data(group)) => group,
            _ => pack.name.run,
        },
        bytes: pack.bytes(),
        pack_version: pack.pack.as_ref().map(|(_, object)| object.version.0.clone()),
        directory_version: pack.directory.as_ref().map(|object| object.version.0.clone()),
        is_repacked: false,
    }
}

/// Returns the objects of a pack that are listed in the versions that a record has noted: the directory
/// first.
pub(crate) fn noted_objects<'a>(packs: &'a PackTable, collected: &CollectedPack) -> Vec<&'a ObjectInfo> {
    let Some(number) = packs.number(collected.name) else { return Vec::new() };
    let listed = packs.get(number);
    let directory =
        listed.directory.as_ref().filter(|object| is_noted(object, collected.directory_version.as_ref()));
    let pack = listed.pack.as_ref().map(|(_, object)| object);
    let pack = pack.filter(|object| is_noted(object, collected.pack_version.as_ref()));
    directory.into_iter().chain(pack).collect()
}

fn is_noted(object: &ObjectInfo, version: Option<&String>) -> bool {
    version.is_some_and(|version| *version == object.version.0)
}

/// Describes a pack again as it is listed now; nothing if neither object is listed.
pub(crate) fn renewed(packs: &PackTable, pack: &CollectedPack) -> Option<CollectedPack> {
    let listed = packs.number(pack.name).map(|number| packs.get(number))?;
    Some(CollectedPack { is_repacked: pack.is_repacked, ..collected(listed) })
}
