# Crashes, faults, damage, kills and histories, many more than `cargo test` tries. Sourced by `.ci/run`.
# shellcheck shell=bash

# Prints the numbers of each; docs/reliability.md says what they are. Each can be set from outside to try more.
run_reliability_tests() {
    ICECORE_TESTS_HOST_HISTORIES=${hosts_histories:-2000} \
        ICECORE_TESTS_FAULT_SHARE=${fault_share:-4} \
        ICECORE_TESTS_FAULT_SEEDS=${fault_seeds:-20} \
        ICECORE_TESTS_DISK_STATES=${disk_states:-6} \
        ICECORE_TESTS_DISK_FAULTS=${disk_faults:-150} \
        ICECORE_TESTS_KILLS=${kills:-60} \
        ICECORE_TESTS_KILLS_SEED=${kills_seed:-$RANDOM} \
        cargo test --package icecore-tests --test system -- --nocapture \
        crash:: faults:: histories::hosts interruption::kills bad_input::damage
}
