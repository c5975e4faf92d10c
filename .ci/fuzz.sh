# A short run of every fuzz target with libFuzzer. Sourced by `.ci/run`, which sets `scratch`.
# shellcheck shell=bash disable=SC2154

# Seconds for each target.
fuzz_seconds=${ICECORE_FUZZ_SECONDS:-4}

# Builds the program with all targets. Flags tell the stable compiler what libFuzzer needs: coverage, and comparisons.
# Without a sanitizer, which would take twice as long and find nothing in code without `unsafe`.
build_fuzz_targets() {
    local host coverage
    host=$(rustc -vV | sed -n 's/^host: //p')
    coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
    RUSTFLAGS=$coverage cargo build --release --locked --manifest-path fuzz/Cargo.toml \
        --target-dir fuzz/target --target "$host"
    fuzz_program=$PWD/fuzz/target/$host/release/targets
}

# Runs one target from its seeds, with less address space than an unbounded length would request.
run_fuzz_target() {
    ulimit -v $((512 * 1024))
    ICECORE_FUZZ_TARGET=$1 exec "$fuzz_program" "$scratch/corpus/$1" -max_total_time="$fuzz_seconds" \
        -max_len=65536 -rss_limit_mb=448 -timeout=10 -print_final_stats=1 -artifact_prefix="$scratch/$1-"
}

# Runs every target; panics, allocations out of proportion and inputs that take too long fail. Prints the executions.
run_fuzz_targets() {
    local target executions sum=0
    cargo run --quiet --locked --package icecore-tests --example fuzz_seeds -- "$scratch/corpus"
    for target in "$scratch"/corpus/*; do
        target=$(basename "$target")
        if ! (run_fuzz_target "$target") >"$scratch/fuzz.log" 2>&1; then
            tail -n 60 "$scratch/fuzz.log"
            fail "$target: failed; the input is shown above"
        fi
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/fuzz.log")
        [[ $executions -gt 0 ]] || fail "$target: nothing was executed"
        printf '%-20s %8d executions\n' "$target" "$executions"
        sum=$((sum + executions))
    done
    printf '%-20s %8d executions\n' "all targets" "$sum"
}
