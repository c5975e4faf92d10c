# Named steps with durations. Sourced by `.ci/run`, which sets `scratch`.
# shellcheck shell=bash disable=SC2154

started=$SECONDS
current="before the first step"
steps=()

# Runs a command as a named step. Not in a condition, so that `set -e` also works inside functions.
step() {
    current=$1
    shift
    local start=$SECONDS
    printf '\n==> %s\n' "$current"
    "$@"
    printf '<== %s: ok, %d s\n' "$current" $((SECONDS - start))
    steps+=("$current|$((SECONDS - start))")
    current="between steps"
}

# Prints the minutes of each step beside those of `.ci/budget`. Fails if a step has no row there, a row has no step, or
# the rows add up to more than 45 minutes; a step that took longer is only marked, because machines differ.
show_budget() {
    printf '%s\n' "${steps[@]}" | awk -F'|' '
        function trim(text) { gsub(/^ +| +$/, "", text); return text }
        BEGIN { printf "\n%-48s %7s %7s\n", "minutes", "taken", "budget" }
        /^#/ { next }
        FILENAME != "-" { budget[trim($1)] = $2 + 0; budget_sum += $2; next }
        {
            taken = $2 / 60; taken_sum += taken
            if (!($1 in budget)) { print "no row in .ci/budget: " $1; wrong = 1; next }
            printf "%-48s %7.1f %7.1f%s\n", $1, taken, budget[$1], (taken > budget[$1] ? "  over" : "")
            delete budget[$1]
        }
        END {
            printf "%-48s %7.1f %7.1f\n", "all", taken_sum, budget_sum
            for (name in budget) { print "no step has this row of .ci/budget: " name; wrong = 1 }
            if (budget_sum > 45) { print "the rows of .ci/budget add up to more than 45 minutes"; wrong = 1 }
            exit wrong
        }' .ci/budget -
}

# Reports the result, and removes the scratch directory.
finish() {
    local code=$?
    if [[ $code -eq 0 ]]; then
        printf '\nall steps passed, %d s\n' $((SECONDS - started))
    else
        printf '\nFAILED (exit code %d) in: %s, after %d s\n' "$code" "$current" $((SECONDS - started)) >&2
    fi
    stop_servers
    # Files that root restored belong to others and may be read-only.
    as_root rm -rf -- "$scratch" 2>/dev/null || rm -rf -- "$scratch" || true
    exit "$code"
}

# Tries a command up to four times, for downloads over a network.
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
