#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What happens around machines, with guests that boot in seconds (tests/support/tiny_machine.sh) on
# qemu:///system: a lab of three made, changed, killed half way and taken down; ports reached with curl on NAT
# and on the user network; snapshot, change, restore; a clone; a life that ends; autostart after the daemon's
# own restart. Nothing that stands beside the lab is touched.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/tiny_machine.sh
. "$root/tests/support/tiny_machine.sh"
lacks=$(tiny_machine_lacks | tr '\n' ' ')
[ -z "$lacks" ] || skip "not here: $lacks"
[ "$(id -u)" = 0 ] || skip "qemu:///system needs root here"
export IMGFORGE_HOME=$work/home
# Images are immutable here as they are for users: else libvirt gives the golden disk to its QEMU's user with
# the first machine.
unset IMGFORGE_IMMUTABLE
release_images() { chattr -R -f -i "$IMGFORGE_HOME"; }
at_exit release_images
chmod 711 "$work"  # QEMU of qemu:///system is another user
run() { "$imgforge" --connect qemu:///system "$@"; }
port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
machines() { run list --json | jq -r '[.machines[].name] | sort | join(" ")'; }
show() { run show "$1" --json | jq -r ".machines[0]$2"; }
# gets URL: what a machine answers, with 3 minutes for it to boot
gets() {
    local answer
    for _ in $(seq 180); do
        if answer=$(curl -sf -m 5 "$1"); then echo "$answer"; return; fi
        sleep 1
    done
    return 1
}
nobody_listens() { ! curl -s -m 5 -o /dev/null "http://127.0.0.1:$1/"; }
forget_all() {
    for name in $(machines); do
        run destroy "$name" --yes
    done
    run lab down "$work/shop.yaml" --yes
    run cleanup
} >/dev/null 2>&1
libvirt_daemons
at_exit forget_all

say "an image that boots in seconds, and a machine beside the lab"
tiny_disk "$work/tiny.qcow2"
run images import "$work/tiny.qcow2" --name tiny
run spawn tiny bystander --no-start --wait none >/dev/null
web=$(port) edge=$(port) moved=$(port)
lab() {
    cat >"$work/shop.yaml" <<END
lab: shop
networks:
  inner: {isolated: true}
machines:
  db: {image: tiny, memory: 128M, networks: [inner], wait: none}
  web: {image: tiny, memory: 128M, networks: [nat, inner], publish: ["$1:80"], needs: [db], wait: ip}
  edge: {image: tiny, memory: 128M, networks: [user], publish: ["$edge:80"], wait: none, comment: $2}
$3
END
}

say "three machines up; their ports answer on both kinds of network"
lab "$web" first ''
run lab up "$work/shop.yaml"
same "machines" "$(machines)" 'bystander db edge web'
on_nat=$(gets "http://127.0.0.1:$web/cgi-bin/boot")
on_user=$(gets "http://127.0.0.1:$edge/cgi-bin/boot")
differ "boots of web (NAT) and edge (user network)" "$on_nat" "$on_user"

say "again: nothing to do"
run lab up "$work/shop.yaml" --json >"$work/again.json"
same "what was done" "$(jq -r '[.steps[].did] | unique | join(" ")' "$work/again.json")" unchanged

say "a port and a comment changed: only that, and nobody is booted again"
lab "$moved" second ''
run lab up "$work/shop.yaml" | tee "$work/changed.out"
same "boot of web through its new port" "$(gets "http://127.0.0.1:$moved/cgi-bin/boot")" "$on_nat"
holds "nobody listens at the old port" nobody_listens "$web"
same "comment" "$(show edge .comment)" second
same "boot of edge" "$(gets "http://127.0.0.1:$edge/cgi-bin/boot")" "$on_user"

say "killed half way: up goes on"
lab "$moved" second '  more: {image: tiny, count: 3, memory: 128M, networks: [inner], wait: none}'
"$imgforge" --connect qemu:///system lab up "$work/shop.yaml" >/dev/null 2>&1 & victim=$!
for _ in $(seq 200); do grep -q more-1 <<<"$(machines)" && break; sleep 0.1; done
kill -9 $victim; wait $victim 2>/dev/null || true
run lab up "$work/shop.yaml" >/dev/null
same "machines" "$(machines)" 'bystander db edge more-1 more-2 more-3 web'
run cleanup --json >"$work/cleanup.json"
same "boot of edge" "$(gets "http://127.0.0.1:$edge/cgi-bin/boot")" "$on_user"

say "snapshot, change, restore"
gets "http://127.0.0.1:$edge/cgi-bin/write?first" >/dev/null
run snapshot edge before
gets "http://127.0.0.1:$edge/cgi-bin/write?second" >/dev/null
same "state before" "$(gets "http://127.0.0.1:$edge/cgi-bin/read")" second
run restore edge before --yes
same "state after" "$(gets "http://127.0.0.1:$edge/cgi-bin/read")" first
same "boot: the memory came back too" "$(gets "http://127.0.0.1:$edge/cgi-bin/boot")" "$on_user"

say "a clone has an identity of its own, and its disk has what the snapshot had"
run clone edge edge-2 --snapshot before --keep-identity >/dev/null
for key in .uuid .instance_id '.nics[0].mac'; do
    differ "$key of edge and edge-2" "$(show edge "$key")" "$(show edge-2 "$key")"
done
copy=$(port)
run forward edge-2 "$copy:80"
same "state of the clone" "$(gets "http://127.0.0.1:$copy/cgi-bin/read")" first
differ "boots" "$(gets "http://127.0.0.1:$copy/cgi-bin/boot")" "$on_user"

say "a life that ends"
run set edge-2 --ttl 2s
sleep 3
run list >/dev/null  # any command that passes reaps
same "machines" "$(machines)" 'bystander db edge more-1 more-2 more-3 web'

say "the host's libvirt starts again"
if [ -f "$work/libvirtd.pid" ]; then
    run autostart web on
    virsh -q -c qemu:///system destroy web
    kill "$(cat "$work/libvirtd.pid")"
    for _ in $(seq 100); do [ -f "$work/libvirtd.pid" ] || break; sleep 0.1; done
    rm -f /run/libvirt/qemu/autostarted  # as /run is empty after a reboot of the host
    start_libvirtd
    again=$(gets "http://127.0.0.1:$moved/cgi-bin/boot")
    differ "boots of web" "$again" "$on_nat"
    same "edge went on" "$(gets "http://127.0.0.1:$edge/cgi-bin/boot")" "$on_user"
else
    echo "left out: the daemons of this host are not this test's to restart"
fi

say "down: what the lab made, and nothing else"
run lab down "$work/shop.yaml" --yes
same "machines" "$(machines)" bystander
same "networks of the lab" "$(virsh -q -c qemu:///system net-list --all --name | grep -c shop)" 0
