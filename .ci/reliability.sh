# Runs crashes, faults, damage, kills, histories and changing sources again, and shows their numbers. Sourced by `.ci/run`.
# shellcheck shell=bash

# Prints the numbers of each; docs/reliability.md explains them, and the variables for more cases.
run_reliability_tests() {
    ICECORE_TESTS_HOST_HISTORIES=2000 cargo test --workspace --test system -- --nocapture \
        crash:: faults:: histories::hosts interruption::kills s3::crowd bad_input::damage mutation::
}
