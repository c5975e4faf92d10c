use super::*;

#[test]
fn places_count_characters_from_one() {
    let text = "ab\näöü = 1\r\nx";
    for (offset, line, column) in
        [(0, 1, 1), (1, 1, 2), (3, 2, 1), (5, 2, 2), (6, 2, 2), (15, 3, 1), (999, 3, 2)]
    {
        assert_eq!(position(text, offset), TextPosition { line, column }, "{offset}");
    }
    assert_eq!(position("", 0), TextPosition { line: 1, column: 1 });
}

#[test]
fn keys_are_found_wherever_their_table_is_written() {
    let text = "a = 1\nb.c = 2\n[t]\nd = [\n 1,\n 2]\n[t.\"x y\"]\ne = { f = 3 }\n";
    let document = DeTable::parse(text).unwrap();
    for (needle, key) in [
        ("a", Some("a")),
        ("1", Some("a")),
        ("c", Some("b.c")),
        ("d", Some("t.d")),
        (" 2]", Some("t.d")),
        ("e =", Some("t.\"x y\".e")),
        ("3", Some("t.\"x y\".e.f")),
    ] {
        let offset = text.find(needle).unwrap();
        assert_eq!(key_at(document.get_ref(), offset).as_deref(), key, "{needle}");
    }
}

#[test]
fn keys_of_the_outermost_table_have_a_place() {
    let text = "a = 1\n  bc = 2\n[t]\nd = 3\n";
    assert_eq!(position_of_key(text, "bc"), TextPosition { line: 2, column: 3 });
    assert_eq!(position_of_key(text, "d"), TextPosition { line: 1, column: 1 });
}
