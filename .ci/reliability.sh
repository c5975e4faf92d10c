# Crashes, faults, damage, kills, histories and changing sources once more, with their numbers shown. Sourced by `.ci/run`.
# shellcheck shell=bash

# Prints the numbers of each; docs/reliability.md says what they are, and which variables try more.
run_reliability_tests() {
    ICECORE_TESTS_HOST_HISTORIES=2000 cargo test --workspace --test system -- --nocapture \
        crash:: faults:: histories::hosts interruption::kills s3::crowd bad_input::damage mutation::
}
