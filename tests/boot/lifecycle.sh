#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The life of machines, seen from inside: embedded driver (no daemon) and qemu:///system (NAT, DHCP) in
# parallel, from spawn to the end of the golden image. Boots are what costs here: each serves as many
# questions as it can, and two run at a time. Needs a store with a current image $IMGFORGE_TEST_IMAGE
# (debian13) that has sshd, cloud-init and the guest agent.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
[ "$(id -u)" = 0 ] || skip "qemu:///system needs root here"
own_home
run() { "$imgforge" "$@"; }
show() { run show "$1" --json | jq -r ".machines[0]$2"; }
up=(--wait ssh --timeout 20m)
identity() {
    run ssh "$1" -- 'cat /etc/machine-id; cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub; hostname'
}
forget_all() {
    for name in life-1 life-2 life-3 life-sys warm-1 warm-2 warm-3; do
        run destroy $name --yes
    done
    run cleanup
} >/dev/null 2>&1
libvirt_daemons  # first, so that they end last
at_exit forget_all

say "cold: a clone on the embedded driver, one on qemu:///system with NAT and a data disk"
hash=$(openssl passwd -6 'on the console')
printf '#cloud-config\nusers: [default, {name: ann, lock_passwd: false, passwd: "%s", shell: /bin/bash}]\n' \
    "$hash" >"$work/user-data"
run spawn "$image" life-sys --connect qemu:///system \
    --data-disk 64M "${up[@]}" >"$work/system.out" 2>"$work/system.err" & system=$!
run spawn "$image" life-1 --connect embedded --user-data "$work/user-data" "${up[@]}" \
    --json >"$work/cold.json"
wait $system || { cat "$work/system.out" "$work/system.err"; fail "spawn on qemu:///system"; }
cold=$(jq '[.machines[].seconds]|max' "$work/cold.json")
first=$(identity life-1); system_identity=$(identity life-sys)
for line in 1 2; do
    differ "lines $line of two identities" "$(sed -n ${line}p <<<"$first")" \
        "$(sed -n ${line}p <<<"$system_identity")"
done
same "host name" "$(tail -n 1 <<<"$first")" life-1
same "machines that run" "$(run list --json | jq '[.machines[]|select(.state=="running")]|length')" 2
same "different MACs" "$(run list --json | jq '[.machines[].nics[0].mac]|unique|length')" 2
holds "ip of the embedded one is its forwarded port" grep -q '^127\.0\.0\.1:[0-9]*$' <(run ip life-1)
holds "ip of the other one is a leased address" grep -Eq '^192\.168\.[0-9]+\.[0-9]+$' <(run ip life-sys)
# SSH answers before the getty has written its prompt: by minutes where three machines share two busy cores.
for _ in $(seq 600); do grep -q 'login:' <(run logs life-1) && break; sleep 1; done
holds "the console was logged" grep -q 'login:' <(run logs life-1)
holds "log in at the serial console, leave it with Ctrl-]" python3 "$here/console_login.py" "$imgforge" \
    life-1 ann 'on the console'

say "names that are taken"
same "a second spawn of a name" "$(exit_code run spawn "$image" life-1 --connect embedded --no-start \
    --wait none)" 1
run spawn "$image" life-2 --connect embedded --no-start --wait none >/dev/null
same "destroy without --yes and terminal" "$(exit_code run destroy life-2 </dev/null)" 2
run destroy life-2 --yes
same "spawn of a destroyed name" "$(exit_code run spawn "$image" life-2 --connect embedded --no-start \
    --wait none)" 1

say "kill -9 in the middle of a spawn"
for seconds in 0.3 2; do
    "$imgforge" spawn "$image" life-3 --connect embedded --wait ssh >/dev/null 2>&1 & victim=$!
    sleep $seconds; kill -9 $victim; wait $victim 2>/dev/null || true
    run cleanup
    # One that was waited for is a machine by then: it stays, marked, until somebody destroys it.
    if run show life-3 --json >"$work/killed.json" 2>/dev/null; then
        same "ready" "$(jq '.machines[0].ready' "$work/killed.json")" false
        run destroy life-3 --yes
        run cleanup
    fi
    holds "after ${seconds}s: no directory, QEMU or name is left" \
        bash -c "! test -e '$IMGFORGE_HOME/instances/life-3' && ! pgrep -f 'guest=life-[3],' &&
            ! '$imgforge' show life-3 2>/dev/null"
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
run cleanup

say "respawn keeps MAC, address, host key, data disk; meanwhile life-1 is stopped"
data=$(stat -c %i "$IMGFORGE_HOME"/instances/life-sys/data-*.qcow2)
root_disk=$(stat -c %i "$IMGFORGE_HOME/instances/life-sys/disk.qcow2")
address=$(run ip life-sys); mac=$(show life-sys '.nics[0].mac')
run stop life-1 --timeout 90s & stopping=$!
run respawn life-sys --yes --timeout 60s
run start life-sys "${up[@]}"  # it runs already: this only waits
wait $stopping
same "state of the stopped one" "$(show life-1 .state)" 'shut off'
same "data disk" "$(stat -c %i "$IMGFORGE_HOME"/instances/life-sys/data-*.qcow2)" "$data"
differ "root disks" "$(stat -c %i "$IMGFORGE_HOME/instances/life-sys/disk.qcow2")" "$root_disk"
same "MAC" "$(show life-sys '.nics[0].mac')" "$mac"
same "address" "$(run ip life-sys)" "$address"
same "host key" "$(identity life-sys | sed -n 2p)" "$(sed -n 2p <<<"$system_identity")"

say "warm: a template boots once; clones go on from its memory as machines of their own"
run spawn "$image" 'warm-{n}' --count 2 --warm --connect embedded "${up[@]}"
first_warm=$(identity warm-1); second_warm=$(identity warm-2)
for line in 1 2 3; do
    differ "lines $line of two warm identities" "$(sed -n ${line}p <<<"$first_warm")" \
        "$(sed -n ${line}p <<<"$second_warm")"
done
fresh='cat /proc/sys/kernel/random/boot_id; od -An -tx1 -N16 /dev/urandom
    cat /var/lib/cloud/data/instance-id 2>/dev/null || echo none'
inside=$(run ssh warm-1 -- "$fresh"); beside=$(run ssh warm-2 -- "$fresh")
for line in 1 2; do
    differ "boot ids, random numbers ($line)" "$(sed -n ${line}p <<<"$inside")" \
        "$(sed -n ${line}p <<<"$beside")"
done
drift=$(($(run ssh warm-1 -- date +%s) - $(date +%s)))
holds "its clock is right (off by ${drift}s)" test "${drift#-}" -le 5
holds "nothing is left of the template's name" bash \
    -c "! '$imgforge' ssh warm-1 -- 'grep -r imgforge-template /etc/hostname /etc/hosts'"
run destroy warm-2 --yes
run spawn "$image" warm-3 --warm --connect embedded "${up[@]}" --json >"$work/warm.json"
echo "cold ${cold}s, warm $(jq '.machines[0].seconds' "$work/warm.json")s to SSH"
# shellcheck disable=SC2016  # for the shell in the guest
holds "cloud-init has its first boot with the clone's own seed" run ssh warm-1 \
    -- 'timeout 900 sh -c "until [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 1; done"'
same "instance-id inside" "$(run ssh warm-1 -- 'sudo cat /var/lib/cloud/data/instance-id')" \
    "$(show warm-1 .instance_id)"
same "identity after that" "$(identity warm-1)" "$first_warm"
run destroy warm-3 --yes

say "a domain that was undefined behind our back; consolidate while it runs"
run consolidate life-sys
same "backing of the running one" "$(show life-sys .disk.backing)" null
virsh -q -c qemu:///system destroy life-sys; virsh -q -c qemu:///system undefine life-sys
same "state" "$(show life-sys .state)" missing
run show life-sys --repair >/dev/null
same "state after repair" "$(show life-sys .state)" 'shut off'

say "stop and consolidate; without the golden image they stand by themselves"
run stop warm-1 --timeout 90s & stopping=$!
run cleanup
same "deleting the image while an overlay is based on it" "$(exit_code run images delete "$image" --force)" 1
holds "the refusal says who" grep -q life-1 "$work/err"
run consolidate life-1
same "backing after consolidate" "$(show life-1 .disk.backing)" null
wait $stopping
run consolidate warm-1
run images delete "$image" --force
holds "the image is gone" test ! -e "$IMGFORGE_HOME/images/$image/1/disk.qcow2"
same "warm templates left" "$(find "$IMGFORGE_HOME/cache/warm" -name 'memory.*' | wc -l)" 0
run start warm-1 "${up[@]}"
same "identity of the warm one after its first real boot" "$(identity warm-1)" "$first_warm"

say "destroy, cleanup"
for name in life-1 life-sys warm-1; do run destroy $name --yes; done
run cleanup
same "machines left" "$(run list --json | jq '.machines|length')" 0
holds "libvirt has forgotten them" bash -c '! virsh -c qemu:///system dominfo life-sys >/dev/null 2>&1'
holds "no QEMU is left" bash -c "! pgrep -f 'guest=(life|warm)-[1-9s]' >/dev/null"
