# Crashes, faults, damage, kills and histories once more, with their numbers shown. Sourced by `.ci/run`.
# shellcheck shell=bash

# Prints the numbers of each; docs/reliability.md says what they are, and which variables try more.
run_reliability_tests() {
    cargo test --package icecore-tests --test system -- --nocapture \
        crash:: faults:: histories::hosts interruption::kills bad_input::damage
}
