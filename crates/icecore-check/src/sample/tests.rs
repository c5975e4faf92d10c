use super::*;

#[test]
fn shares_are_rounded_up() {
    assert_eq!(share_of(0, 50.0), 0);
    assert_eq!(share_of(3, 0.1), 1);
    assert_eq!(share_of(10, 10.0), 1);
    assert_eq!(share_of(10, 10.1), 2);
    assert_eq!(share_of(7, 100.0), 7);
}
