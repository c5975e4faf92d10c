# The main job as the README shows it, on a real directory. Sourced by `.ci/run`, which sets `scratch`.
# shellcheck shell=bash disable=SC2154

# Backs up a directory, looks inside, restores it and compares it with an independent tool.
main_job() {
    local source=/etc
    icecore=(cargo run --quiet --release --locked --)
    if [[ $EUID -ne 0 ]]; then
        if can_be_root; then
            # Only root may read all of /etc, and set the owners of restored files.
            icecore=(as_root env "HOME=$HOME" "XDG_CONFIG_HOME=$XDG_CONFIG_HOME" "XDG_CACHE_HOME=$XDG_CACHE_HOME"
                "XDG_STATE_HOME=$XDG_STATE_HOME" "XDG_DATA_HOME=$XDG_DATA_HOME" "$PWD/target/release/icecore")
        else
            source=$scratch/source
            mkdir "$source"
            cp -a Cargo.toml Cargo.lock crates docs tests "$source"
        fi
    fi
    export ICECORE_REPOSITORY=$scratch/icecore-demo

    run backup --init --repository "$ICECORE_REPOSITORY" "$source"
    run backup "$source"
    run snapshots
    run snapshots --json | "$ICECORE_PYTHON" -m json.tool >/dev/null
    run ls latest >"$scratch/listing"
    [[ -s $scratch/listing ]] || fail "ls shows nothing"
    run diff latest~1 latest
    run restore latest --target "$scratch/restored"
    compare "$source" "$scratch/restored"
    run check --read-data
    restore_part "$source"
}

run() {
    printf '$ icecore %s\n' "$*" >&2
    "${icecore[@]}" "$@"
}

# Restores one file, to standard output.
restore_part() {
    local source=$1 file
    file=$(cd "$source" && find . -type f -size +0 -readable -printf '%P\n' | LC_ALL=C sort | sed -n 1p)
    run cat "latest:$file" | cmp - "$source/$file" || fail "$file is not what it was"
}

# Fails if two trees differ in content, kind, owner, mode, time, hard links, access control lists, attributes or holes.
compare() {
    local differences as=()
    if can_be_root; then as=(as_root); fi
    differences=$("${as[@]}" rsync -aHAXSn --delete --checksum --itemize-changes "$1/" "$2/")
    [[ -z $differences ]] || fail "rsync finds differences between $1 and $2:"$'\n'"$differences"
    printf 'rsync finds no difference between %s and %s\n' "$1" "$2"
}
