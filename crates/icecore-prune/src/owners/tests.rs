use super::*;

#[test]
fn what_two_owners_need_belongs_to_the_lowest_owner_above_both() {
    let mut tree = OwnerTree::default();
    let [first_host, second_host] = [(); 2].map(|()| tree.add(Owner::EVERYBODY));
    let [first, second] = [(); 2].map(|()| tree.add(first_host));
    let third = tree.add(second_host);
    assert_eq!(tree.join(first, first), first);
    assert_eq!(tree.join(first, second), first_host);
    assert_eq!(tree.join(second, first_host), first_host);
    assert_eq!(tree.join(third, first), Owner::EVERYBODY);
    assert_eq!(tree.join(Owner::NOBODY, third), third);
    assert_eq!(tree.join(third, Owner::NOBODY), third);
    assert_eq!(tree.join(Owner::NOBODY, Owner::NOBODY), Owner::NOBODY);
}

#[test]
fn sums_have_what_is_below() {
    let mut tree = OwnerTree::default();
    let host = tree.add(Owner::EVERYBODY);
    let source = tree.add(host);
    let snapshots = [(); 2].map(|()| tree.add(source));
    let mut sums = vec![0; tree.count()];
    for (owner, sum) in [(Owner::NOBODY, 1000), (host, 100), (snapshots[0], 10), (snapshots[1], 1)] {
        sums[owner.index()] = sum;
    }
    tree.add_upwards(&mut sums);
    assert_eq!(sums, [1000, 111, 111, 11, 10, 1]);
}
