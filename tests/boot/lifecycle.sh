#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The life of machines: embedded driver first (no daemon), then qemu:///system with daemons started here and stopped again.
# Needs a store with a current image $IMGFORGE_TEST_IMAGE (debian13) that has sshd and cloud-init.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
wait=(--wait ssh --timeout 10m)
"$imgforge" images show "$image" >/dev/null 2>&1 || [ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
run() { "$imgforge" "$@"; }
field() { python3 -c 'import json,sys; m=json.load(sys.stdin)["machines"][0]; print(eval("m"+sys.argv[1]))' "$1"; }
identity() { run ssh "$1" -- 'cat /etc/machine-id; echo $(cat /etc/ssh/ssh_host_ed25519_key.pub); hostname'; }
forget_all() { for name in life-1 life-2 life-3 life-sys; do run destroy "$name" --yes >/dev/null 2>&1; done; run cleanup >/dev/null 2>&1; }
[ "$(id -u)" != 0 ] || libvirt_daemons  # first, so that it ends last
at_exit forget_all

say "embedded driver: two clones side by side"
run spawn "$image" 'life-{n}' --count 2 --connect embedded "${wait[@]}" --json >"$work/spawned"
first=$(identity life-1); second=$(identity life-2)
differ "machine-ids of two clones" "$(sed -n 1p <<<"$first")" "$(sed -n 1p <<<"$second")"
differ "host keys of two clones" "$(sed -n 2p <<<"$first")" "$(sed -n 2p <<<"$second")"
same "host name" "$(tail -n 1 <<<"$first")" life-1
same "state" "$(run show life-1 --json | field '["state"]')" running
holds "ip names the forwarded port" grep -q '^127\.0\.0\.1:[0-9]*$' <(run ip life-1)
holds "the console was logged" test -s "$IMGFORGE_HOME/instances/life-1/console.log"
same "a second spawn of the name" "$(exit_code "$imgforge" spawn "$image" life-1 --connect embedded --no-start)" 1
same "destroy without --yes and terminal" "$(exit_code "$imgforge" destroy life-2 </dev/null)" 2
run destroy life-2 --yes
same "a destroyed name stays taken" "$(exit_code "$imgforge" spawn "$image" life-2 --connect embedded --no-start)" 1

say "stop, consolidate, start: the same machine"
run stop life-1 --timeout 90s
same "state" "$(run show life-1 --json | field '["state"]')" 'shut off'
run consolidate life-1
same "backing after consolidate" "$(run show life-1 --json | field '["disk"]["backing"]')" None
run start life-1 "${wait[@]}"
same "identity after stop, consolidate and start" "$(identity life-1)" "$first"

say "killed in the middle of a spawn"
"$imgforge" spawn "$image" life-3 --connect embedded --wait ssh >/dev/null 2>&1 & victim=$!
sleep 4; kill -9 $victim; wait $victim 2>/dev/null || true
run cleanup
holds "no folder is left" test ! -e "$IMGFORGE_HOME/instances/life-3"
holds "no QEMU is left" bash -c '! pgrep -f guest=life-[3] >/dev/null'
run destroy life-1 --yes; run cleanup

say "spool: from a dropped file to a machine and back"
mkdir "$work/spool"
(umask 022; mkdir -p "$work/spool/inst"; printf 'image=%s\nsize=small\ncomment=dropped\n' "$image" >"$work/spool/inst/life-3.properties")
run spool run "$work/spool" --connect embedded
same "state" "$(run show life-3 --json | field '["state"]')" running
holds "installed.txt names it" grep -q '^life-3' "$work/spool/installed.txt"
holds "mac-addresses.txt names it" grep -q 'life-3' "$work/spool/mac-addresses.txt"
touch "$work/spool/destroy/life-3"
run spool run "$work/spool" --connect embedded
holds "it is marked" test -e "$work/spool/inst/life-3.DESTROYED"
holds "its line is gone" bash -c "! grep -q '^life-3' '$work/spool/installed.txt'"
run cleanup

say "qemu:///system: NAT and a DHCP lease"
[ "$(id -u)" = 0 ] || { echo "not root: the system part is left out"; exit 0; }
system() { "$imgforge" "$@" --connect qemu:///system; }
system spawn "$image" life-sys "${wait[@]}"
holds "a leased address" grep -Eq '^192\.168\.[0-9]+\.[0-9]+$' <(run ip life-sys)
before=$(identity life-sys); address=$(run ip life-sys); mac=$(run show life-sys --json | field '["nics"][0]["mac"]')
run respawn life-sys --yes --timeout 60s
run start life-sys "${wait[@]}"  # it runs already: this only waits
same "address after respawn" "$(run ip life-sys)" "$address"
same "MAC after respawn" "$(run show life-sys --json | field '["nics"][0]["mac"]')" "$mac"
same "host key after respawn" "$(identity life-sys | sed -n 2p)" "$(sed -n 2p <<<"$before")"
virsh -c qemu:///system destroy life-sys >/dev/null; virsh -c qemu:///system undefine life-sys >/dev/null
same "state of a domain that was undefined behind our back" "$(run show life-sys --json | field '["state"]')" missing
run show life-sys --repair >/dev/null
same "state after repair" "$(run show life-sys --json | field '["state"]')" 'shut off'
run destroy life-sys --yes; run cleanup
holds "libvirt has forgotten it" bash -c '! virsh -c qemu:///system dominfo life-sys >/dev/null 2>&1'
