use super::*;

#[test]
fn sets_are_sorted_and_united() {
    let [left, right]: [PackSet; 2] =
        [[5, 1, 5, 3], [2, 3, 9, 2]].map(|numbers| numbers.into_iter().collect());
    assert_eq!(left.iter().collect::<Vec<_>>(), [1, 3, 5]);
    assert!(left.contains(3) && !left.contains(2));
    assert_eq!(PackSet::union([&left, &right]), [1, 2, 3, 5, 9].into_iter().collect());
    assert_eq!(left.filtered(|number| number > 2).len(), 2);
    assert!(PackSet::default().is_empty());
}
