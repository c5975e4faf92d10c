use super::*;

#[test]
fn only_a_clear_yes_counts() {
    for answer in ["y\n", "Y", " yes \n", "YES\n"] {
        assert!(is_yes(answer), "{answer:?}");
    }
    for answer in ["", "\n", "n", "no", "yep", "yes please", "1"] {
        assert!(!is_yes(answer), "{answer:?}");
    }
}
