# Makes a fresh machine ready. Sourced by `.ci/run`, which sets `scratch`.
# shellcheck shell=bash disable=SC2154

cargo_deny_version=0.20.2
tools=$PWD/target/ci-tools

have() { command -v "$1" >/dev/null 2>&1; }

can_be_root() { [[ $EUID -eq 0 ]] || { have sudo && sudo -n true 2>/dev/null; }; }

# Runs a command as root; fails if that is impossible.
as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n -- "$@"; fi
}

# Installs the Debian packages that the checks need and the machine lacks.
install_system_tools() {
    local missing=()
    have cargo || fail "cargo is missing: install Rust with rustup"
    have cc || missing+=(gcc libc6-dev)
    have c++ || missing+=(g++)
    have rsync || missing+=(rsync)
    have setfacl || missing+=(acl)
    have setfattr || missing+=(attr)
    have setcap || missing+=(libcap2-bin)
    have mkfs.ext4 && have lsattr || missing+=(e2fsprogs)
    have setpriv && have mount || missing+=(util-linux mount)
    have python3 || missing+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    if [[ ${#missing[@]} -gt 0 ]]; then
        have apt-get || fail "missing, and there is no apt-get to install them: ${missing[*]}"
        can_be_root || fail "missing, and neither root nor sudo to install them: ${missing[*]}"
        retry as_root apt-get update -qq
        retry as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "${missing[@]}"
    fi
    rsync --version | sed -n 1p
    python3 --version
    cargo --version
    rustc --version
}

# Downloads the crates of this machine's platform, and fails if a Cargo.lock does not fit its manifests.
fetch_crates() {
    local host manifest
    host=$(rustc -vV | sed -n 's/^host: //p')
    for manifest in Cargo.toml fuzz/Cargo.toml; do
        retry cargo fetch --locked --target "$host" --manifest-path "$manifest"
    done
}

# Makes a separate Python environment for the reader in tests/reader; the tests find it through ICECORE_PYTHON.
make_python_environment() {
    python3 -m venv "$scratch/python"
    export ICECORE_PYTHON=$scratch/python/bin/python
    retry "$ICECORE_PYTHON" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --requirement tests/reader/requirements.txt
    "$ICECORE_PYTHON" -m pip list --disable-pip-version-check --format=freeze
}

# Moves home, configuration and caches into the scratch directory, so that the user's files are neither read nor written.
move_home() {
    export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
    export HOME=$scratch/home
    export XDG_CONFIG_HOME=$HOME/.config XDG_CACHE_HOME=$HOME/.cache
    export XDG_STATE_HOME=$HOME/.local/state XDG_DATA_HOME=$HOME/.local/share
    mkdir -p "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" "$XDG_STATE_HOME" "$XDG_DATA_HOME"
}

# Builds cargo-deny below target/, once; without optimisation, because only compiling takes time.
install_cargo_deny() {
    local found
    found=$("$tools/bin/cargo-deny" --version 2>/dev/null || true)
    if [[ $found != "cargo-deny $cargo_deny_version" ]]; then
        retry env CARGO_TARGET_DIR="$scratch/cargo-deny" CARGO_PROFILE_DEV_DEBUG=0 \
            cargo install cargo-deny --version "$cargo_deny_version" --locked --debug --quiet --root "$tools"
        rm -rf -- "$scratch/cargo-deny"
    fi
    "$tools/bin/cargo-deny" --version
}
