#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The life of machines without logging in to them: embedded driver (no daemon) and qemu:///system side by side, from spawn to the end of
# the golden image. The guests get as far as they get; lifecycle.sh waits for them and looks inside.
# Needs a store with a current image $IMGFORGE_TEST_IMAGE (debian13).
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
[ "$(id -u)" = 0 ] || skip "qemu:///system needs root here"
own_home
run() { "$imgforge" "$@"; }
show() { run show "$1" --json | jq -r ".machines[0]$2"; }
forget_all() { for name in life-1 life-2 life-3 life-sys; do run destroy $name --yes; done; run cleanup; } >/dev/null 2>&1
libvirt_daemons
at_exit forget_all

say "two clones on the embedded driver, one on qemu:///system"
run spawn "$image" life-sys --connect qemu:///system --data-disk 64M --wait none >/dev/null & system=$!
run spawn "$image" 'life-{n}' --count 2 --connect embedded --wait none >/dev/null
wait $system
same "machines that run" "$(run list --json | jq '[.machines[]|select(.state=="running")]|length')" 3
same "different MACs" "$(run list --json | jq '[.machines[].nics[0].mac]|unique|length')" 3
holds "ip names the forwarded port" grep -q '^127\.0\.0\.1:[0-9]*$' <(run ip life-1)

say "names"
same "a second spawn of a name" "$(exit_code run spawn "$image" life-1 --connect embedded --no-start --wait none)" 1
same "destroy without --yes and terminal" "$(exit_code run destroy life-2 </dev/null)" 2
run destroy life-2 --yes
same "spawn of a destroyed name" "$(exit_code run spawn "$image" life-2 --connect embedded --no-start --wait none)" 1

say "respawn keeps MAC and data disk"
data=$(stat -c %i "$IMGFORGE_HOME"/instances/life-sys/data-*.qcow2); root_disk=$(stat -c %i "$IMGFORGE_HOME/instances/life-sys/disk.qcow2")
mac=$(show life-sys '.nics[0].mac')
run respawn life-sys --yes --timeout 1s
same "state" "$(show life-sys .state)" running
same "data disk" "$(stat -c %i "$IMGFORGE_HOME"/instances/life-sys/data-*.qcow2)" "$data"
differ "root disks" "$(stat -c %i "$IMGFORGE_HOME/instances/life-sys/disk.qcow2")" "$root_disk"
same "MAC" "$(show life-sys '.nics[0].mac')" "$mac"

say "a domain that was undefined behind our back"
virsh -q -c qemu:///system destroy life-sys; virsh -q -c qemu:///system undefine life-sys
same "state" "$(show life-sys .state)" missing
run show life-sys --repair >/dev/null
same "state after repair" "$(show life-sys .state)" 'shut off'
run destroy life-sys --yes; run cleanup
holds "libvirt has forgotten it" bash -c '! virsh -c qemu:///system dominfo life-sys >/dev/null 2>&1'

say "kill -9 in the middle of a spawn"
for seconds in 0.2 0.6 1.2 3; do
    "$imgforge" spawn "$image" life-3 --connect embedded --wait ssh >/dev/null 2>&1 & victim=$!
    sleep $seconds; kill -9 $victim; wait $victim 2>/dev/null || true
    run cleanup
    holds "after ${seconds}s: no folder, QEMU or name is left" \
        bash -c "! test -e '$IMGFORGE_HOME/instances/life-3' && ! pgrep -f 'guest=life-[3],' && ! '$imgforge' show life-3 2>/dev/null"
done

say "spool: from a dropped file to a machine and back"
mkdir -p "$work/spool/inst"
printf 'image=%s\nsize=small\ncomment=dropped\n' "$image" >"$work/spool/inst/life-3.properties"
run spool run "$work/spool" --connect embedded
same "state" "$(show life-3 .state)" running
holds "installed.txt names it" grep -q '^life-3' "$work/spool/installed.txt"
holds "mac-addresses.txt names it" grep -q 'life-3' "$work/spool/mac-addresses.txt"
touch "$work/spool/destroy/life-3"
run spool run "$work/spool" --connect embedded
holds "it is marked" test -e "$work/spool/inst/life-3.DESTROYED"
holds "its line is gone" bash -c "! grep -q '^life-3' '$work/spool/installed.txt'"

say "stop, consolidate; without the golden image it starts"
run stop life-1 --timeout 1s
same "state" "$(show life-1 .state)" 'shut off'
run cleanup
same "deleting the image while an overlay stands on it" "$(exit_code run images delete "$image" --force)" 1
holds "the refusal says who" grep -q life-1 "$work/err"
run consolidate life-1
same "backing after consolidate" "$(show life-1 .disk.backing)" null
run images delete "$image" --force
holds "the image is gone" test ! -e "$IMGFORGE_HOME/images/$image/1/disk.qcow2"
run start life-1
run restart life-1 --force
same "state" "$(show life-1 .state)" running
run destroy life-1 --yes; run cleanup
same "machines left" "$(run list --json | jq '.machines|length')" 0
