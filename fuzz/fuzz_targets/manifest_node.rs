//! A manifest node: what is accepted obeys the rules.

#![no_main]

use icecore_format::node::{Node, NodeItems};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Ok(node) = Node::decode(raw) else { return };
    node.totals();
    if let NodeItems::Leaf(entries) = &node.items {
        assert!(
            entries
                .is_sorted_by(|left, right| icecore_format::path::compare(&left.path, &right.path).is_lt())
        );
        assert!(entries.iter().all(|entry| entry.validate().is_ok()));
    }
});
