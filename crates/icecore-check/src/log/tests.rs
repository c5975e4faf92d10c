use super::accepted;

#[test]
fn what_was_accepted_is_named_without_what_is_not_there() {
    assert_eq!(accepted(0, 1), "the loss or repair of 1 snapshot");
    assert_eq!(accepted(2, 0), "the loss of 2 log records");
    assert_eq!(accepted(1, 3), "the loss of 1 log record and the loss or repair of 3 snapshots");
}
