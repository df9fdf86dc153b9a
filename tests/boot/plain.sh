#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A cleaned image without cloud-init, in machines that imgforge has nothing to do with (plain QEMU): sshd
# answers, two clones are two machines, and a reboot leaves each what it is. What cloud-init and the seed do
# for clones must not hide what sysprep has to do.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
golden=$(golden_disk "$image")
own_home
disk=$work/disk.qcow2

say "a guest without cloud-init: a user with a key, DHCP by systemd-networkd, and an identity of its own"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
cat >"$work/network" <<'END'
[Match]
Name=en*
[Network]
DHCP=yes
END
"$imgforge" customize "$golden" --output "$disk" --uninstall cloud-init \
    --upload "$work/network:/etc/systemd/network/80-dhcp.network" \
    --run 'useradd -m -s /bin/bash probe && systemctl enable systemd-networkd && systemctl mask systemd-networkd-wait-online' \
    --run 'ssh-keygen -A && systemd-machine-id-setup && head -c 512 /dev/urandom >/var/lib/systemd/random-seed' \
    --run 'systemctl list-unit-files --state=enabled --no-legend --no-pager >/srv/enabled-before' \
        --json >/dev/null
"$imgforge" customize "$disk" --ssh-key "probe:$work/key.pub" --json >/dev/null

say "sysprep, audit"
"$imgforge" sysprep "$disk" --keep '/home/probe/.ssh/*' --json >"$work/sysprep.json"
holds "sysprep brings a maker of host keys" grep -q imgforge-ssh-hostkeys "$work/sysprep.json"
code=$(exit_code "$imgforge" audit "$disk" --expect-user probe --json)
jq -c '.findings[]|select(.waived|not)|[.rule,.layer,.path]' "$work/out" || true
same "exit code of the audit" "$code" 0

# QEMU 7.2 breaks cmpxchg16b where it emulates several processors: see avoid_cx16 in
# builder/virt/domain_spec.hpp.
accelerator=tcg,thread=multi cpu=max,cx16=off
if [ "$(jq -r .accelerator "$IMGFORGE_HOME/cache/acceleration.json" 2>/dev/null)" = kvm ]; then
    accelerator=kvm cpu=host
fi
# start CLONE PORT
start() {
    qemu-system-x86_64 -machine q35 -accel $accelerator -cpu "$cpu" -m 768 -display none \
        -serial "file:$work/$1.console" -daemonize \
        -pidfile "$work/$1.pid" -drive "file=$work/$1.qcow2,if=virtio,format=qcow2" -device virtio-rng-pci \
        -netdev "user,id=n,hostfwd=tcp:127.0.0.1:$2-:22" -device virtio-net-pci,netdev=n
}
stop_clones() { for pid in "$work"/*.pid; do kill "$(cat "$pid")"; done; }
on() {
    local port=$1; shift
    ssh -n -i "$work/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=10 -o LogLevel=ERROR \
        -o BatchMode=yes probe@127.0.0.1 "$@"
}
# up PORT BOOT: until it answers with another boot ID than BOOT; prints its own
up() {
    local deadline=$((SECONDS + 1200)) boot=''
    while [ $SECONDS -lt $deadline ]; do
        boot=$(on "$1" cat /proc/sys/kernel/random/boot_id 2>"$work/err") || boot=''
        if [ -n "$boot" ] && [ "$boot" != "${2:-}" ]; then echo "$boot"; return; fi
        sleep 3
    done
    fail "no login at port $1 within 20 minutes; the end of a console: $(tail -n 5 "$work"/*.console)"
}
# What makes a machine this one and no other: machine-id, host keys, the client ID systemd-networkd asks the
# DHCP server with (RFC 4361: made from the DUID, which is made from the machine-id).
identity() {
    on "$1" 'cat /etc/machine-id; cut -d" " -f2 /etc/ssh/ssh_host_*_key.pub
        grep -h ^CLIENTID= /run/systemd/netif/leases/*'
}

say "two clones, in parallel"
at_exit stop_clones
ports=()
for _ in 1 2; do
    ports+=("$(python3 \
        -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')")
done
for clone in one two; do qemu-img create -q -f qcow2 -b "$disk" -F qcow2 "$work/$clone.qcow2"; done
start one "${ports[0]}"
start two "${ports[1]}"
boot=$(up "${ports[0]}"); up "${ports[1]}" >/dev/null
first=$(identity "${ports[0]}"); second=$(identity "${ports[1]}")
printf '%s\n-- and --\n%s\n' "$first" "$second"
lines=$(wc -l <<<"$first")
holds "identities have all their parts" test "$lines" -ge 5
for ((line = 1; line <= lines; line++)); do
    differ "line $line of the identities" "$(sed -n ${line}p <<<"$first")" "$(sed -n ${line}p <<<"$second")"
done
holds "machine-id of the first" grep -Eq '^[0-9a-f]{32}$' <(head -n 1 <<<"$first")
holds "the first one saved a random seed" test "$(on "${ports[0]}" stat -c %s /var/lib/systemd/random-seed)" \
    -ge 32
# --root: this guest has no message bus
units() {
    on "$1" 'systemctl --root=/ list-unit-files --state=enabled --no-legend --no-pager |
        cut -d" " -f1 | sort'
}
before=$(on "${ports[0]}" 'cut -d" " -f1 /srv/enabled-before | sort')
same "units enabled in one clone only" "$(diff <(units "${ports[0]}") <(units "${ports[1]}"))" ""
same "units that sysprep and the first boot changed" \
    "$(diff <(echo "$before") <(units "${ports[0]}") | grep '^[<>]' | grep -v imgforge-)" ""

say "a second boot"
victim=$(cat "$work/one.pid")
kill -9 "$victim"  # as if its plug was pulled: what the first boot made must be on the disk by now
for _ in $(seq 100); do kill -0 "$victim" 2>/dev/null || break; sleep 0.1; done
mv "$work/one.console" "$work/one-first.console"
start one "${ports[0]}"
up "${ports[0]}" "$boot" >/dev/null
same "identity after a second boot" "$(identity "${ports[0]}")" "$first"
