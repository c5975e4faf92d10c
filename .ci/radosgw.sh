# One node of Ceph with its S3 gateway, for tests only: on http://127.0.0.1:7480, key AKTEST, secret SKTEST. Sourced by
# `s3_servers.sh`.
# shellcheck shell=bash disable=SC2154

# Writes the configuration of a cluster without authentication and without copies. Arguments: directory, id of the cluster.
write_ceph_configuration() {
    cat >"$1/ceph.conf" <<CONFIGURATION
[global]
fsid = $2
mon host = [v2:127.0.0.1:6801,v1:127.0.0.1:6802]
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc secure
ms bind ipv6 = false
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
mon max pg per osd = 1000
run dir = $1
pid file = $1/\$name.pid
admin socket = $1/\$name.asok
log file = $1/\$name.log
keyring = $1/keyring
[mon.a]
mon data = $1/mon
host = localhost
mon addr = 127.0.0.1:6801
[osd]
osd data = $1/osd
osd objectstore = bluestore
bluestore block create = true
bluestore block size = 4294967296
bluestore fsck on mount = false
osd memory target = 939524096
osd max object name len = 460
[client.rgw.a]
keyring = $1/keyring
rgw frontends = beast endpoint=127.0.0.1:7480
rgw enable ops log = false
rgw thread pool size = 64
CONFIGURATION
}

# Starts monitor, disk and gateway, and makes a user. Argument: directory that does not exist yet.
start_radosgw() {
    local directory=$1 cluster attempt
    mkdir -p "$directory"/{mon,osd}
    cluster=$(cat /proc/sys/kernel/random/uuid)
    export CEPH_CONF=$directory/ceph.conf
    write_ceph_configuration "$directory" "$cluster"
    ceph-authtool --create-keyring "$directory/keyring" --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool "$directory/keyring" --gen-key -n client.rgw.a --cap mon 'allow *' --cap osd 'allow *'
    ceph-authtool "$directory/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
    monmaptool --create --clobber --addv a '[v2:127.0.0.1:6801,v1:127.0.0.1:6802]' --fsid "$cluster" "$directory/monmap"
    ceph-mon --mkfs -i a --monmap "$directory/monmap" --keyring "$directory/keyring"
    serve "$directory/mon.out" ceph-mon -f -i a --public-addr 127.0.0.1
    for attempt in 1 2 3 4 5; do
        if timeout 20 ceph osd new "$(cat /proc/sys/kernel/random/uuid | tee "$directory/osd.uuid")"; then break; fi
        [[ $attempt -lt 5 ]] || fail "the monitor does not answer"
        sleep 2
    done
    ceph-osd -i 0 --mkfs --osd-uuid "$(cat "$directory/osd.uuid")"
    serve "$directory/osd.out" ceph-osd -f -i 0
    serve "$directory/gateway.out" radosgw -f -n client.rgw.a
    wait_for_port 7480
    radosgw-admin user create --uid=tests --display-name=tests --access-key=AKTEST --secret=SKTEST >/dev/null
}
