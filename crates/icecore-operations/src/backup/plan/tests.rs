use std::path::Path;

use super::default_name;

#[test]
fn names_are_the_last_part_of_the_path() {
    assert_eq!(default_name(Path::new("/etc")).as_deref(), Some("etc"));
    assert_eq!(default_name(Path::new("/srv/alice@example.com")).as_deref(), Some("alice-example.com"));
    assert_eq!(default_name(Path::new("/")).as_deref(), Some("rootfs"));
    assert_eq!(default_name(Path::new("/srv/a\nb")), None);
}
