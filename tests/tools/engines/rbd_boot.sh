#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A golden image is pushed into a real Ceph pool, 20 clones are made of it, and a machine boots from one of
# them to a login over SSH.
#   rbd_boot.sh [IMAGE]   with IMGFORGE_BINARY and IMGFORGE_HOME of a store that has the image (debian13);
#   minutes without KVM
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../../.." && pwd)
image=${1:-debian13}
imgforge=${IMGFORGE_BINARY:?name the program}
for program in ceph-mon ceph-osd rbd qemu-system-x86_64 ssh-keygen; do
    command -v "$program" >/dev/null ||
        { echo "SKIPPED: no $program (apt install ceph-mon ceph-osd ceph-common)"; exit 77; }
done
[ -d "${IMGFORGE_HOME:?}/images/$image" ] || { echo "SKIPPED: no golden image $image in $IMGFORGE_HOME"; \
    exit 77; }
dir=$(mktemp -d /var/tmp/rbd-boot.XXXXXX)
finish() {
    [ ! -s "$dir/qemu.pid" ] || kill "$(cat "$dir/qemu.pid")" 2>/dev/null || true
    "$source_dir/tests/support/engines/ceph.sh" stop "$dir"
    rm -rf "$dir"
}
trap finish EXIT
fail() { echo "FAILED: $*"; tail -5 "$dir/console.log" 2>/dev/null; exit 1; }
say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
"$source_dir/tests/support/engines/ceph.sh" start "$dir"
say "Ceph runs"
pool=rbd:images:conf=$dir/ceph.conf
"$imgforge" images push "$image" "$pool" --quiet --json >"$dir/push.json"
say "pushed: $(tr -d '\n ' <"$dir/push.json")"
generation=$(sed -n 's/.*"generation": *\([0-9]*\).*/\1/p' "$dir/push.json" | head -1)
for i in $(seq 20); do
    rbd -c "$dir/ceph.conf" clone --rbd-default-clone-format 1 "images/$image@g$generation" "images/web-$i"
done
say "20 clones"
! rbd -c "$dir/ceph.conf" snap unprotect "images/$image@g$generation" 2>"$dir/refused" ||
    fail "Ceph let go of a snapshot with clones"
grep -qi 'busy' "$dir/refused" || fail "not the refusal that was expected: $(cat "$dir/refused")"
"$imgforge" images targets "$pool" --json >"$dir/targets.json"
[ "$(grep -c 'images/web-' "$dir/targets.json")" = 20 ] || fail "used_by does not have the 20 clones"

ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
"$imgforge" seed create --output "$dir/seed.iso" --hostname web-1 --ssh-key "$dir/key.pub" --quiet
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
accel=tcg
[ ! -w /dev/kvm ] || accel=kvm
qemu-system-x86_64 -accel $accel -cpu max -m 1024 -smp 2 -display none -serial "file:$dir/console.log" \
    -pidfile "$dir/qemu.pid" -daemonize \
    -drive "if=virtio,format=raw,cache=writeback,file=rbd:images/web-1:conf=$dir/ceph.conf" \
    -drive "if=virtio,format=raw,readonly=on,file=$dir/seed.iso" \
    -netdev "user,id=n,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=n -device virtio-rng-pci
deadline=$((SECONDS + 900))
until timeout 30 ssh -i "$dir/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o BatchMode=yes -o ConnectTimeout=20 \
    debian@127.0.0.1 'hostname; lsblk -no SIZE /dev/vda | head -1' >"$dir/answer" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || fail "no login over SSH in 15 minutes"
    kill -0 "$(cat "$dir/qemu.pid")" || fail "QEMU ended"
    sleep 3
done
grep -q web-1 "$dir/answer" || fail "the machine is called $(head -1 "$dir/answer")"
say "a login over SSH: $(paste -sd' ' "$dir/answer")"
rbd -c "$dir/ceph.conf" du images/web-1 2>/dev/null | tail -1
