use super::{Align, Table};

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(&[("name", Align::Left), ("bytes", Align::Right), ("", Align::Left)]);
    table.row(vec!["a".to_owned(), "1,234,567".to_owned(), String::new()]);
    table.row(vec!["größer".to_owned(), "1".to_owned(), "partial".to_owned()]);
    let expected = "\
name        bytes
a       1,234,567
größer          1  partial
";
    assert_eq!(table.text(), expected);
}
