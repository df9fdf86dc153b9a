#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Machines on a real Ceph pool by `imgforge spawn --storage`: one boots from its clone; twenty more are made,
# and what can be done to a machine's disk is done to some of them.
#   rbd_boot.sh         a small machine that answers by HTTP; on the cluster of $IMGFORGE_CEPH or its own
#   rbd_boot.sh IMAGE   a golden image of the store in $IMGFORGE_HOME, to a login over SSH; slow without KVM
# With IMGFORGE_BINARY. BOOT=no: all but the boot.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../../.." && pwd)
imgforge=${IMGFORGE_BINARY:?name the program}
. "$source_dir/tests/tools/engines/common.sh"
. "$source_dir/tests/support/tiny_machine.sh"
needs 'ceph-mon ceph-osd ceph-common qemu-block-extra jq curl' ceph-mon ceph-osd ceph rbd qemu-system-x86_64 \
    jq curl
"$imgforge" images targets rbd:none 2>&1 | grep 'built without Ceph' >/dev/null &&
    skip 'this imgforge was built without librbd-dev'
dir=$(mktemp -d /var/tmp/rbd-boot.XXXXXX)
ceph=$(cluster_for "$dir/ceph")
if [ $# -gt 0 ]; then
    image=$1
    [ -d "${IMGFORGE_HOME:?}/images/$image" ] || skip "no golden image $image in $IMGFORGE_HOME"
else
    image=tiny
    export HOME=$dir/user IMGFORGE_HOME=$dir/host IMGFORGE_IMMUTABLE=off
    [ -z "$(tiny_machine_lacks)" ] || skip "a small machine needs: $(tiny_machine_lacks | paste -sd' ')"
fi
finish() {
    for name in $("$imgforge" list --json 2>/dev/null | jq -r '.machines[] | select(.storage) | .name'); do
        "$imgforge" destroy "$name" --yes --forget --drop-changes --quiet >/dev/null 2>&1 || true
    done
    [ "$ceph" != "$dir/ceph" ] || "$source_dir/tests/support/engines/ceph.sh" stop "$ceph"
    rm -rf "$dir"
}
trap finish EXIT
fail() { echo "FAILED: $*"; exit 1; }
say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
pool=rbd:images:conf=$ceph/ceph.conf
machine() { "$imgforge" "$@" --quiet; }
refused() { # TEXT COMMAND…
    local text=$1
    shift
    if "$imgforge" "$@" >"$dir/refused" 2>&1; then fail "not refused: imgforge $*"; fi
    grep -q -- "$text" "$dir/refused" ||
        fail "imgforge $*: not the refusal that was expected: $(cat "$dir/refused")"
}
used_by() {
    "$imgforge" images targets "$pool" --json | jq --arg image "$image" '.targets[0].generations[] |
        select(.image == $image) | .used_by | length'
}
in_pool() { rbd -c "$ceph/ceph.conf" ls images | grep -x "$1" >/dev/null; }

answers() { curl -sf --max-time 5 "http://127.0.0.1:$1/cgi-bin/$2"; }
boot_tiny() {
    local port deadline=$((SECONDS + 240))
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    machine --connect embedded spawn tiny web-1 --storage "$pool" --memory 256M --publish "$port:80" --wait none
    until answers "$port" boot >/dev/null; do
        [ $SECONDS -lt $deadline ] || fail "web-1 does not answer: $("$imgforge" logs web-1 | tail -3)"
        sleep 0.5
    done
    answers "$port" 'write?word' >/dev/null
    [ "$(answers "$port" read)" = word ] || fail "web-1 does not keep what it writes"
    machine stop web-1 --timeout 10s
    say "web-1 boots from its clone, and keeps what it writes"
}

start_cluster "$ceph"
say "Ceph runs"
if [ "$image" = tiny ]; then
    tiny_disk "$dir/tiny.qcow2"
    machine images import "$dir/tiny.qcow2" --name tiny
fi
refused "imgforge images push $image" spawn "$image" web-1 --storage "$pool"
machine images push "$image" "$pool" --json >"$dir/push.json"
say "pushed: $(jq -c '.targets[0] // .' "$dir/push.json")"
if [ "${BOOT:-yes}" != no ] && [ "$image" = tiny ]; then
    boot_tiny
elif [ "${BOOT:-yes}" != no ]; then
    machine --connect embedded spawn "$image" web-1 --storage "$pool" --memory 1G --wait ssh --timeout 20m
    machine ssh web-1 -- hostname >"$dir/answer"
    machine ssh web-1 -- lsblk -dno SIZE /dev/vda >>"$dir/answer"
    grep web-1 "$dir/answer" >/dev/null || fail "the machine is called $(head -1 "$dir/answer")"
    say "a login over SSH: $(paste -sd' ' "$dir/answer")"
    machine stop web-1 --timeout 20s
else
    machine --connect embedded spawn "$image" web-1 --storage "$pool" --no-start
fi
started=$(date +%s%N)
machine --connect embedded spawn "$image" 'c-{n}' --count 20 --storage "$pool" --no-start
say "20 machines on clones in $((($(date +%s%N) - started) / 1000000)) ms"
[ "$(used_by)" = 21 ] || fail "used_by does not have the 21 clones"
generation=$(jq -r '.generation // .targets[0].generation' "$dir/push.json")
! rbd -c "$ceph/ceph.conf" snap unprotect "images/$image@g$generation" 2>"$dir/refused" ||
    fail "Ceph let go of a snapshot with clones"
grep -qi 'busy' "$dir/refused" || fail "not the refusal that was expected: $(cat "$dir/refused")"
refused 'c-1' images withdraw "$image@$generation" "$pool"
refused 'has an image' --connect embedded spawn "$image" "$image" --storage "$pool" --no-start
say "in use: refused by Ceph and by imgforge"

machine consolidate c-1
[ "$(used_by)" = 20 ] || fail "a flattened clone still counts as one"
machine snapshot c-2 before
rbd -c "$ceph/ceph.conf" snap ls images/c-2 | grep before >/dev/null || fail "no snapshot in the pool"
# start_of IMAGE: the digest of its first MiB
start_of() {
    qemu-img dd -f raw -O raw bs=1M count=1 "if=rbd:images/$1:conf=$ceph/ceph.conf" "of=$dir/start"
    sha256sum <"$dir/start"
}
qemu-io -f raw -c 'write -P 0x77 4k 64k' "rbd:images/c-2:conf=$ceph/ceph.conf" >/dev/null
[ "$(start_of c-2)" != "$(start_of c-2@before)" ] || fail "nothing was written to c-2"
machine restore c-2 before --yes
[ "$(start_of c-2)" = "$(start_of c-2@before)" ] || fail "the disk is not what the snapshot has"
refused 'snapshots (before)' respawn c-2 --yes
machine respawn c-2 --drop-snapshots --yes
machine set c-3 --disk 12G
[ "$(rbd -c "$ceph/ceph.conf" info images/c-3 --format json | jq .size)" = $((12 << 30)) ] ||
    fail "c-3 did not grow"
machine clone c-3 copy-3 --no-start --keep-identity
rbd -c "$ceph/ceph.conf" info images/copy-3 | grep "parent: images/$image@g$generation" >/dev/null ||
    fail "the copy has another parent"
say "consolidated, snapshot taken and gone back to, respawned, grown, cloned"

machine destroy c-4 --yes
! in_pool c-4 || fail "the clone of a destroyed machine is still there"
rbd -c "$ceph/ceph.conf" create images/strange --size 1M
refused 'has an image' --connect embedded spawn "$image" strange --storage "$pool" --no-start
in_pool strange || fail "an image of somebody else is gone"
! rbd -c "$ceph/ceph.conf" ls images | grep '^imgforge-' >/dev/null ||
    fail "something half made is left in the pool"
say "destroyed: its clone is gone, an image of somebody else stays"
