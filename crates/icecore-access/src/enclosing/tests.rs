use super::*;

#[test]
fn a_directory_below_a_repository_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let outer = directory.path().join("outer");
    std::fs::create_dir_all(outer.join("there")).unwrap();
    let inner = [outer.join("there"), outer.join("not/there")];
    for path in inner.iter().chain([&outer]) {
        refuse_enclosing_directory(path).unwrap();
    }
    // A program may have the same name.
    std::fs::write(outer.join(HEADER_KEY), b"\x7fELF and more").unwrap();
    refuse_enclosing_directory(&inner[0]).unwrap();
    std::fs::write(outer.join(HEADER_KEY), [&HEADER_MAGIC[..], b"and more"].concat()).unwrap();
    for path in &inner {
        let failure = refuse_enclosing_directory(path).unwrap_err();
        assert!(failure.to_string().contains("is inside the repository"), "{failure}");
    }
    refuse_enclosing_directory(&outer).unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&inner[0], &link).unwrap();
    refuse_enclosing_directory(&link).unwrap_err();
    // The header of the outer one is in the way.
    for name in ["icecore", "icecore/below"] {
        refuse_enclosing_directory(&outer.join(name)).unwrap_err();
    }
}
