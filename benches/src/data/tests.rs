use super::*;

#[test]
fn generated_text_compresses_like_code() {
    let text = text(1 << 20, 1);
    let compressed = zstd::bulk::compress(&text, 3).unwrap().len();
    let percent = compressed * 100 / text.len();
    assert!((12..=28).contains(&percent), "{percent} %");
}

#[test]
fn data_is_the_same_in_each_run() {
    assert_eq!(text(1000, 1), text(1000, 1));
    assert_ne!(text(1000, 1), text(1000, 2));
    assert_eq!(noise(1001, 1)[..1000], noise(1000, 1));
}
