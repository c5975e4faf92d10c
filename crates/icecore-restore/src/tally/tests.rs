use std::io;

use icecore_fs::target::{AppliedAspect, ApplyWarning};

use super::{Standing, Tally};
use crate::{NoEvents, OwnerMapping, RestoreReport, RestoreWarning, fixture::Fixture};

fn warning(aspect: AppliedAspect, kind: io::ErrorKind) -> ApplyWarning {
    ApplyWarning { path: b"a".to_vec(), aspect, source: kind.into() }
}

fn attribute(name: &str) -> AppliedAspect {
    AppliedAspect::ExtendedAttribute(name.as_bytes().to_vec())
}

fn report(is_privileged: bool, owners: OwnerMapping, warnings: Vec<Vec<ApplyWarning>>) -> RestoreReport {
    let clock = std::sync::Arc::clone(&Fixture::new().repository.environment().clock);
    let tally = Tally::new(&NoEvents, clock, Standing { is_privileged, owners });
    for warnings in warnings {
        tally.warn(warnings);
    }
    tally.finish()
}

#[test]
fn many_attributes_of_one_object_are_one_line() {
    let full = |name: String| warning(attribute(&name), io::ErrorKind::StorageFull);
    let one: Vec<_> = (0..300).map(|number| full(format!("user.{number}"))).collect();
    let other = vec![full("user.x".to_owned()), warning(attribute("user.y"), io::ErrorKind::Unsupported)];
    let report = report(true, OwnerMapping::ByName, vec![one, other]);
    let groups: Vec<_> = report.warnings.iter().map(|group| (group.aspect.as_str(), group.count)).collect();
    assert_eq!(groups, [("extended attributes", 2), ("extended attributes", 1)]);
    assert!(report.warnings[0].examples[0].1.contains("user.0"), "{:?}", report.warnings);
    assert!(!report.is_exact());
}

#[test]
fn what_only_root_may_set_is_a_note_for_others() {
    let denied = |aspect| vec![warning(aspect, io::ErrorKind::PermissionDenied)];
    let privileged = || {
        [AppliedAspect::Owner, AppliedAspect::SetIdBits, AppliedAspect::Device, attribute("trusted.a")]
            .map(denied)
    };
    let is_exact =
        |is_privileged, warnings: Vec<_>| report(is_privileged, OwnerMapping::ByName, warnings).is_exact();
    assert!(is_exact(false, privileged().into()));
    for one in privileged() {
        assert!(!is_exact(true, vec![one]));
    }
    assert!(!is_exact(false, vec![denied(attribute("user.a"))]));
    assert!(!is_exact(false, vec![vec![warning(AppliedAspect::Times, io::ErrorKind::Other)]]));
    // A user who keeps his own owner has asked for objects without setuid.
    assert!(report(true, OwnerMapping::None, vec![denied(AppliedAspect::SetIdBits)]).is_exact());
    let is_note = |warning: &RestoreWarning| warning.is_note;
    assert!(report(false, OwnerMapping::ByName, privileged().into()).warnings.iter().all(is_note));
}
