use super::*;

fn id(number: u64) -> ChunkId {
    let hash = blake3::hash(&number.to_le_bytes());
    ChunkId::from_slice(&hash.as_bytes()[..ChunkId::BYTES]).unwrap()
}

#[test]
fn a_row_is_small() {
    assert_eq!(size_of::<ChunkRow>(), 36);
}

#[test]
fn finds_every_copy_and_nothing_else() {
    for count in [0u64, 1, 2, 15, 16, 17, 31, 32, 33, 5_000] {
        let mut rows = Vec::new();
        for number in 0..count {
            rows.push(ChunkRow::new(id(number), ObjectKind::Data, number as u32 + 1, 0, number as u32));
            if number % 3 == 0 {
                rows.push(ChunkRow::new(id(number), ObjectKind::Data, number as u32 + 1, 1, number as u32));
                rows.push(ChunkRow::new(id(number), ObjectKind::Manifest, 5, 2, 9));
            }
        }
        let expected = rows.len();
        let table = ChunkTable::new(rows);
        assert_eq!(table.len(), expected);
        for number in 0..count {
            let packs: Vec<_> = table.copies(ObjectKind::Data, &id(number)).map(ChunkRow::pack).collect();
            assert_eq!(packs, if number % 3 == 0 { vec![0, 1] } else { vec![0] });
            assert!(table.copies(ObjectKind::Data, &id(number)).all(|row| row.length() == number as u32 + 1));
            let nodes = table.copies(ObjectKind::Manifest, &id(number)).count();
            assert_eq!(nodes, usize::from(number % 3 == 0));
        }
        assert_eq!(table.copies(ObjectKind::Data, &id(count + 1)).count(), 0);
    }
}

#[test]
fn ids_that_are_no_hashes_are_found_too() {
    let ids = (0..200u8).map(|last| {
        let mut bytes = [0; ChunkId::BYTES];
        bytes[ChunkId::BYTES - 1] = last;
        ChunkId(bytes)
    });
    let ids: Vec<_> = ids.chain([ChunkId([0xff; ChunkId::BYTES])]).collect();
    let table = ChunkTable::new(ids.iter().map(|id| ChunkRow::new(*id, ObjectKind::Data, 1, 0, 0)).collect());
    for id in &ids {
        assert_eq!(table.copies(ObjectKind::Data, id).count(), 1);
    }
}

#[test]
fn marks_one_copy_as_lost() {
    let rows =
        [(0, 1), (0, 2), (1, 1)].map(|(pack, at)| ChunkRow::new(id(1), ObjectKind::Data, 1 << 24, pack, at));
    let mut table = ChunkTable::new(rows.to_vec());
    table.mark_lost(&id(1), 0, 2);
    table.mark_lost(&id(1), 7, 7);
    table.mark_lost(&id(2), 0, 1);
    let lost: Vec<_> =
        table.copies(ObjectKind::Data, &id(1)).map(|row| (row.is_lost(), row.length())).collect();
    assert_eq!(lost, [(false, 1 << 24), (true, 1 << 24), (false, 1 << 24)]);
}
