#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A Ceph cluster of one monitor and one OSD in memory, on the loopback interface, without systemd and without
# touching /etc.
#   ceph.sh start DIRECTORY [POOL]   about 10 s; leaves DIRECTORY/ceph.conf and a pool ready for RBD
#   ceph.sh stop DIRECTORY
#   ceph.sh share LINK    one for several tests: LINK leads to its directory; 77 where Ceph is missing
#   ceph.sh unshare LINK
# Packages: ceph-mon ceph-osd ceph-common. No ceph-mgr: RBD does not need it, and it takes minutes to start.
set -euo pipefail

stop() {
    local file pid
    for file in osd.pid mon.pid; do
        [ -s "$1/$file" ] || continue
        pid=$(cat "$1/$file")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
        rm -f "$1/$file"
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

write_config() {
    local port=$1
    cat > ceph.conf <<EOF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$port,v1:127.0.0.1:$((port + 1))]
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $dir/keyring
run dir = $dir
admin socket = $dir/\$name.asok
pid file = $dir/\$type.pid
log file = $dir/\$name.log
crash dir = $dir
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon allow pool delete = true
mon data avail crit = 1
ms bind port min = $((port + 10))
ms bind port max = $((port + 60))
# A killed client's lock ends after this time; 30 s in real clusters.
osd client watch timeout = 5
[mon]
mon data = $dir/mon
[osd]
keyring = $dir/osd.keyring
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 4G
EOF
}

start() {
    dir=$(cd "$1" && pwd)
    cd "$dir"
    fsid=$(cat /proc/sys/kernel/random/uuid)
    local port osd_id osd_secret
    port=$(free_port)
    [ "$port" -lt 65000 ] || port=$((port - 1000))
    write_config "$port"
    ceph-authtool -C keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
    ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
    monmaptool --create --addv a "[v2:127.0.0.1:$port,v1:127.0.0.1:$((port + 1))]" \
        --fsid "$fsid" monmap >/dev/null
    mkdir mon osd
    ceph-mon -c ceph.conf --mkfs -i a --monmap monmap --keyring keyring
    ceph-mon -c ceph.conf -i a
    osd_id=$(cat /proc/sys/kernel/random/uuid)
    osd_secret=$(ceph-authtool --gen-print-key)
    echo "{\"cephx_secret\": \"$osd_secret\"}" | timeout 120 ceph -c ceph.conf osd new "$osd_id" -i \
        - >/dev/null
    ceph-authtool -C osd.keyring -n osd.0 --add-key "$osd_secret" >/dev/null
    ceph-osd -c ceph.conf -i 0 --mkfs --osd-uuid "$osd_id" 2>/dev/null
    ceph-osd -c ceph.conf -i 0 >/dev/null
    timeout 120 ceph -c ceph.conf osd pool create "$2" 8 2>/dev/null
    timeout 120 rbd -c ceph.conf pool init "$2"  # returns when the placement groups are active
}

unshare_cluster() {
    if [ -d "$1/." ]; then stop "$(readlink -f "$1")"; rm -rf "$(readlink -f "$1")"; fi
    rm -f "$1"
}

# Sockets have short paths, a build directory may not.
share() {
    local program directory
    for program in ceph-mon ceph-osd ceph rbd; do
        command -v $program >/dev/null ||
            { echo "SKIPPED: no $program (apt install ceph-mon ceph-osd ceph-common)"; exit 77; }
    done
    unshare_cluster "$1"
    mkdir -p "$(dirname "$1")"
    directory=$(mktemp -d /tmp/imgforge-ceph.XXXXXX)
    ln -sfn "$directory" "$1"
    start "$directory" images
}

case "${1:-}" in
    share) trap 'unshare_cluster "$2"' ERR; share "$2" ;;
    unshare) unshare_cluster "$2" ;;
    start) trap 'stop "$2"' ERR; start "$2" "${3:-images}" ;;
    stop) stop "$2" ;;
    *) sed -n '3,9s/^# //p' "$0" >&2; exit 2 ;;
esac
