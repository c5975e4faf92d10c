use super::JsonArray;

fn written(items: &[&str]) -> String {
    let (mut array, mut output) = (JsonArray::default(), Vec::new());
    for item in items {
        array.item(&mut output, item).unwrap();
    }
    array.end(&mut output).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn each_item_has_a_line() {
    assert_eq!(written(&[]), "[]");
    assert_eq!(written(&["a"]), "[\"a\"]");
    assert_eq!(written(&["a", "b", "c"]), "[\"a\",\n\"b\",\n\"c\"]");
}
