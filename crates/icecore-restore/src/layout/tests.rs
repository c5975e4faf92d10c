use icecore_format::{
    entry::{ChunkRef, Hole},
    ids::ChunkId,
};

use super::Placement;

fn places(holes: &[(u64, u64)], lengths: &[u32]) -> Vec<Vec<(u64, usize)>> {
    let holes: Vec<Hole> =
        holes.iter().map(|(offset, length)| Hole { offset: *offset, length: *length }).collect();
    let mut placement = Placement::new(&holes);
    lengths
        .iter()
        .map(|length| {
            let placed = placement.place(ChunkRef { id: ChunkId([0; ChunkId::BYTES]), length: *length });
            placed.pieces(&holes).map(|(offset, range)| (offset, range.len())).collect()
        })
        .collect()
}

#[test]
fn chunks_follow_each_other() {
    assert_eq!(places(&[], &[10, 5]), [vec![(0, 10)], vec![(10, 5)]]);
}

#[test]
fn holes_are_gone_around() {
    assert_eq!(places(&[(0, 100)], &[10]), [vec![(100, 10)]]);
    assert_eq!(places(&[(4, 6), (12, 8)], &[10, 3]), [vec![(0, 4), (10, 2), (20, 4)], vec![(24, 3)]]);
    assert_eq!(places(&[(10, 6)], &[10, 3]), [vec![(0, 10)], vec![(16, 3)]]);
    assert_eq!(places(&[(10, 6)], &[10]), [vec![(0, 10)]]);
}

#[test]
fn malformed_holes_do_no_harm() {
    let places = places(&[(4, 10), (6, 2), (u64::MAX, u64::MAX)], &[10]);
    assert_eq!(places, [vec![(0, 4), (14, 6)]]);
}
