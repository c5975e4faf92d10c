//! Contents of files while they are written.

use super::{
    super::bytes::{author, describe, is, is_intermediate, render},
    bed::dense,
};
use crate::mutation::content::Layout;

#[test]
fn records_look_as_they_are_described() {
    let bytes = render(&dense(0x2b, 0x1f, 2));
    let expected = b"000000000000002b 000000000000001f 00000001 d ..................\n";
    assert_eq!(&bytes[64..], expected);
    assert_eq!(author(&bytes), Some(0x2b));
    assert_eq!(author(&[0; 64]), None);
    assert!(is(&bytes, &dense(0x2b, 0x1f, 2)));
    assert!(!is(&bytes, &dense(0x2b, 0x1f, 3)) && !is(&bytes, &dense(0x2c, 0x1f, 2)));
    assert!(!is(&bytes, &dense(0x2b, 0x20, 2)));
}

#[test]
fn sparse_files_hold_records_in_each_third_block() {
    let mut content = dense(1, 2, 4 * 64);
    content.layout = Layout::Sparse;
    let bytes = render(&content);
    let has_text: Vec<bool> = bytes.chunks(4096).map(|block| block.iter().any(|byte| *byte != 0)).collect();
    assert_eq!(has_text, [true, false, false, true]);
}

#[test]
fn a_file_is_rewritten_in_the_order_of_reversed_bits() {
    let (before, after) = (dense(1, 2, 8 * 64), dense(1, 3, 8 * 64));
    let (old, new) = (render(&before), render(&after));
    let mixture = |blocks: &[usize]| {
        let mut mixture = old.clone();
        for block in blocks {
            let place = block * 4096..(block + 1) * 4096;
            mixture[place.clone()].copy_from_slice(&new[place]);
        }
        mixture
    };
    let order = [0, 4, 2, 6, 1, 5, 3, 7];
    for number in 1..8 {
        assert!(is_intermediate(&mixture(&order[..number]), &before, &after), "{number}");
    }
    for blocks in [&[0, 1, 2, 3][..], &[4], &[7], &[0, 2]] {
        assert!(!is_intermediate(&mixture(blocks), &before, &after), "{blocks:?}");
    }
    assert!(describe(&mixture(&[0])).contains("0 to 63 of object 1 generation 3 d, 64 to 511 of object 1"));
}

#[test]
fn a_shorter_content_is_cut_after_its_blocks() {
    let (before, after) = (dense(1, 2, 64), dense(1, 3, 10));
    let mut bytes = render(&before);
    bytes[..640].copy_from_slice(&render(&after));
    assert!(is_intermediate(&bytes, &before, &after));
    bytes.truncate(20 * 64);
    assert!(!is_intermediate(&bytes, &before, &after));
}

#[test]
fn what_is_written_beyond_the_end_is_after_zeros() {
    let (before, after) = (dense(1, 2, 64), dense(1, 3, 4 * 64));
    let new = render(&after);
    let mut bytes = new[..3 * 4096].to_vec();
    bytes[4096..2 * 4096].fill(0);
    assert!(is_intermediate(&bytes, &before, &after));
    assert!(!is_intermediate(&new[..2 * 4096], &before, &after));
}

#[test]
fn records_are_appended_in_order_and_cut_at_once() {
    let (before, after) = (dense(1, 2, 10), dense(1, 2, 200));
    let all = render(&after);
    assert!(is_intermediate(&all[..74 * 64], &before, &after));
    assert!(is_intermediate(&all[..128 * 64], &before, &after));
    assert!(!is_intermediate(&all[..100 * 64], &before, &after));
    assert!(!is_intermediate(&all[..74 * 64], &after, &before));
}
