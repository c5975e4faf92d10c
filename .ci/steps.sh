# Named steps with durations. Sourced by `.ci/run`, which sets `scratch`.
# shellcheck shell=bash disable=SC2154

started=$SECONDS
current="before the first step"

# Runs a command as a named step. Not in a condition, so that `set -e` holds inside functions too.
step() {
    current=$1
    shift
    local start=$SECONDS
    printf '\n==> %s\n' "$current"
    "$@"
    printf '<== %s: ok, %d s\n' "$current" $((SECONDS - start))
    current="between steps"
}

# Says how it went, and removes the scratch directory.
finish() {
    local code=$?
    if [[ $code -eq 0 ]]; then
        printf '\nall steps passed, %d s\n' $((SECONDS - started))
    else
        printf '\nFAILED (exit code %d) in: %s, after %d s\n' "$code" "$current" $((SECONDS - started)) >&2
    fi
    stop_servers
    # What was restored by root belongs to others and may be read-only.
    as_root rm -rf -- "$scratch" 2>/dev/null || rm -rf -- "$scratch" || true
    exit "$code"
}

# Tries a command up to four times, for what comes over a network.
retry() {
    local attempt
    for attempt in 1 2 3; do
        if "$@"; then return 0; fi
        printf 'attempt %d failed, again in %d s: %s\n' "$attempt" $((attempt * 5)) "$*" >&2
        sleep $((attempt * 5))
    done
    "$@"
}

fail() {
    printf '%s\n' "$*" >&2
    return 1
}
