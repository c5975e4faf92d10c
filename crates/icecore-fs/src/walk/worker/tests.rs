use super::*;

fn slice_names(names: usize, path_bytes: usize, concurrency: usize, entries_ahead_max: usize) -> usize {
    let options = WalkOptions { concurrency, entries_ahead_max, ..WalkOptions::default() };
    names_per_slice(names, path_bytes, &options)
}

#[test]
fn a_directory_is_cut_for_all_threads() {
    // Names, length of the path, threads, budget; expected.
    let cases = [
        ((1_000_000, 20, 2, 65536), 256),
        ((1_000_000, 20, 128, 65536), 256),
        ((1_000, 20, 64, 65536), 16),
        ((1_000, 20, 8, 65536), 125),
        ((10, 20, 2, 65536), 16),
        // Slices in flight leave half of a small budget.
        ((1_000_000, 20, 64, 1280), 10),
        ((1_000_000, 20, 64, 1), 1),
        // Very long paths.
        ((1_000_000, 10_000, 2, 65536), 104),
        ((1_000_000, 2_000_000, 2, 65536), 1),
        ((0, 0, 1, 65536), 16),
    ];
    for ((names, path_bytes, concurrency, budget), expected) in cases {
        let found = slice_names(names, path_bytes, concurrency, budget);
        assert_eq!(found, expected, "{names} names, {concurrency} threads");
    }
}
