# A short run of every fuzz target. Sourced by `.ci/run`, which sets `scratch`.
# shellcheck shell=bash disable=SC2154

# Seconds for each target.
fuzz_seconds=${ICECORE_FUZZ_SECONDS:-4}

# Builds the targets as cargo-fuzz would, without it: coverage for libFuzzer, AddressSanitizer for what is C and for
# counting allocations, debug assertions. The sanitizer's flag is a nightly one, which the stable compiler takes when told to.
build_fuzz_targets() {
    local host coverage
    host=$(rustc -vV | sed -n 's/^host: //p')
    coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares"
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="$coverage -Zsanitizer=address -Cdebug-assertions --cfg fuzzing" \
        cargo build --release --locked --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target "$host"
    fuzz_programs=fuzz/target/$host/release
}

# Runs every target from its seeds; panics, allocations out of proportion and inputs that take too long fail.
run_fuzz_targets() {
    local source target
    # What was freed is kept for a while to find late uses; little of that, so that the limit is for the target.
    export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=32
    cargo run --quiet --locked --package icecore-tests --example fuzz_seeds -- "$scratch/corpus"
    for source in fuzz/fuzz_targets/*.rs; do
        target=$(basename "$source" .rs)
        printf '%s: ' "$target"
        if ! "$fuzz_programs/$target" "$scratch/corpus/$target" -max_total_time="$fuzz_seconds" -max_len=65536 \
            -rss_limit_mb=768 -malloc_limit_mb=300 -timeout=10 -detect_leaks=0 -print_final_stats=1 \
            -artifact_prefix="$scratch/" >"$scratch/fuzz.log" 2>&1; then
            cat "$scratch/fuzz.log"
            fail "$target found something; the input is shown above"
        fi
        sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/fuzz.log"
    done
}
