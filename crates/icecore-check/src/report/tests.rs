use super::*;

#[test]
fn names_of_kinds_are_unique_and_kebab_case() {
    let mut names: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.name()).collect();
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ProblemKind::ALL.len());
    for kind in ProblemKind::ALL {
        // `PackMissing` is `pack-missing`, and so on.
        let words: String =
            kind.name().split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(format!("{kind:?}"), words);
    }
}
