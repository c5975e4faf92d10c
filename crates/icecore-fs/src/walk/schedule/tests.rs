use std::fs;

use super::*;
use crate::directory::open_root;
use crate::directory::pool::DescriptorPool;
use crate::stat::stat_at;
use crate::walk::entry::ObjectName;
use crate::walk::{Completeness, WalkEntry};

fn directory_of(path: &std::path::Path) -> Arc<Directory> {
    let (descriptor, stat) = open_root(path).unwrap();
    Directory::root(path.to_path_buf(), descriptor, &stat, DescriptorPool::new(4))
}

/// A schedule whose root has `files` files and has been listed, in slices of 16.
fn listed(files: usize, entries_ahead_max: usize) -> (Schedule, NodeId, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    for number in 0..files {
        fs::write(root.path().join(format!("{number:05}")), "").unwrap();
    }
    let directory = directory_of(root.path());
    let (mut schedule, node) = Schedule::new(Arc::clone(&directory), entries_ahead_max);
    let task = schedule.take_task().unwrap();
    assert!(matches!(task.job, Job::List(_)));
    let mut listing = Listing::new(Arc::clone(&directory));
    listing.read(&directory.descriptor().unwrap(), &mut Vec::with_capacity(4096), || false).unwrap();
    let slices = (0..files).step_by(16).map(|start| start..files.min(start + 16)).collect();
    let listed = Listed { opened: None, metadata: None, completeness: Completeness::Whole, problem: None };
    schedule.publish_listing(node, &Arc::new(listing), slices, listed);
    (schedule, node, root)
}

fn publish(schedule: &mut Schedule, task: Task) {
    let Job::Stat { listing, slice, names } = task.job else { panic!("not a slice") };
    let descriptor = listing.directory.descriptor().unwrap();
    let items = names.clone().map(|index| {
        let stat = stat_at(&*descriptor, listing.c_name(index)).unwrap();
        WalkItem::Entry(WalkEntry {
            path: listing.entry_path(index),
            metadata: stat.metadata,
            allocated_bytes: stat.allocated_bytes,
            directory: Arc::clone(&listing.directory),
            opened: None,
            completeness: Completeness::Whole,
            name: ObjectName::PathFrom(0),
        })
    });
    let slice_items = Slice { items: items.collect(), subdirectories: Vec::new() };
    schedule.publish_slice(task.node, slice, names.len(), slice_items);
}

#[test]
fn keys_sort_as_paths_component_by_component() {
    let paths = ["", "a", "a/b", "a/b/c", "a/x", "a\u{1}", "a b", "a-", "a.b", "ab"];
    let keys: Vec<_> = paths.iter().map(|path| path_key(path.as_bytes().to_vec())).collect();
    assert!(keys.is_sorted());
}

#[test]
fn slices_are_taken_in_order_up_to_the_budget() {
    let (mut schedule, node, _root) = listed(1000, 128);
    let mut taken = 0;
    while let Some(task) = schedule.take_task() {
        assert_eq!(task.target(), Target { node, slice: Some(taken) });
        publish(&mut schedule, task);
        taken += 1;
    }
    // Three quarters of 128 entries.
    assert_eq!(taken, 6);
    assert!(!schedule.has_task());
    // Nothing more until half of the budget is free again.
    assert!(schedule.enter(node).is_some());
    assert!(schedule.take_slice(node, 0).is_some());
    assert!(!schedule.has_task());
    assert!(schedule.take_slice(node, 1).is_some());
    assert!(schedule.has_task());
}

#[test]
fn what_the_consumer_waits_for_is_always_allowed() {
    let (mut schedule, node, _root) = listed(1000, 64);
    let mut tasks: Vec<Task> = std::iter::from_fn(|| schedule.take_task()).collect();
    assert_eq!(tasks.len(), 3);
    schedule.enter(node);
    // It waits for a slice beyond the budget that nobody has taken: first the last quarter is taken, then
    // this slice.
    let target = Target { node, slice: Some(4) };
    schedule.set_awaited(Some(target));
    tasks.push(schedule.take_task().unwrap());
    let task = schedule.take_task().unwrap();
    assert_eq!(task.target(), target);
    assert!(!schedule.has_task());
    assert!(!schedule.wakes_consumer(tasks[0].target()));
    publish(&mut schedule, task);
    assert!(schedule.wakes_consumer(target));
    assert!(!schedule.wakes_consumer(tasks[0].target()), "once is enough");
    schedule.set_awaited(None);
    assert!(schedule.take_slice(node, 4).is_some());
    assert!(schedule.take_slice(node, 0).is_none());
    for task in tasks {
        publish(&mut schedule, task);
    }
    assert!(schedule.take_slice(node, 0).is_some());
}

#[test]
fn all_is_accounted_for_at_the_end() {
    let (mut schedule, node, _root) = listed(100, 10_000);
    assert_eq!(schedule.names_ahead, 100);
    while let Some(task) = schedule.take_task() {
        publish(&mut schedule, task);
    }
    assert_eq!((schedule.names_ahead, schedule.entries_ahead), (0, 100));
    let slices = schedule.enter(node).unwrap().slices;
    let entries: usize = (0..slices).map(|slice| schedule.take_slice(node, slice).unwrap().items.len()).sum();
    schedule.leave(node);
    assert_eq!((entries, schedule.entries_ahead, schedule.tasks_waiting()), (100, 0, 0));
    assert_eq!(schedule.free_nodes, [node]);
}

#[test]
fn names_of_directories_not_reached_hold_back_listings() {
    let (mut schedule, node, root) = listed(1000, 64);
    let directory = directory_of(root.path());
    // A listing that comes first in path order.
    schedule.add_directory(Box::default(), directory);
    assert!(!schedule.has_task());
    schedule.enter(node);
    assert!(schedule.has_task());
}
