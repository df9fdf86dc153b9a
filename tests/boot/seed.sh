#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Machines take everything from our seeds: name, user, key, password hash, locale, file, two parts of
# user-data, host key, network. NoCloud with two named network cards with static addresses and a host name
# with its domain; ConfigDrive with one card and a network-config file. Raw QEMU, so that nothing but the seed
# can be the cause. The guest reports on its serial console.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

image=${IMGFORGE_TEST_IMAGE:-debian13}
disk=$("$imgforge" images show "$image" --json 2>/dev/null | jq -r '.path // empty') || true
[ -f "$disk" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
mac=52:54:00:aa:bb:01
second_mac=52:54:00:aa:bb:02
# shellcheck disable=SC2016  # dollars of crypt(5)
hash=$(openssl passwd -6 -salt imgforgeseed 'correct horse')
# Scripts run in the order of their names, and the report is made by the one called runcmd.
printf '#!/bin/sh\necho "second part" >/run/second-part\n' >"$work/another.sh"
cat >"$work/user-data" <<'END'
#cloud-config
write_files:
  - path: /etc/imgforge-own
    content: "own ü 😀"
runcmd:
  - |
    exec >/run/seed-report
    echo "SEED hostname $(hostname)"
    echo "SEED user $(id -un ann)"
    echo "SEED key $(cut -d' ' -f2 /home/ann/.ssh/authorized_keys)"
    echo "SEED locale $(. /etc/default/locale; echo $LANG)"
    echo "SEED file $(cat /etc/imgforge-own)"
    echo "SEED network $(ip -4 -o addr show | grep -o '192[.]0[.]2[.][0-9]*/24')"
    address=$(ip -4 -o addr show lan0 | grep -o '192[.]0[.]2[.][0-9]*/24')
    echo "SEED first-card $address $(ip -4 route show default dev lan0 | grep -o 'default via [0-9.]*')"
    echo "SEED second-card $(ip -4 -o addr show lan1 | grep -o '198[.]51[.]100[.][0-9]*/24')"
    echo "SEED fqdn $(hostname --fqdn)"
    echo "SEED second-part $(cat /run/second-part)"
    echo "SEED shadow $(sed -n 's/^ann:\([^:]*\):.*/\1/p' /etc/shadow) $(passwd -S ann | cut -d' ' -f2)"
    echo "SEED host-key $(cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)"
    echo "SEED datasource $(cat /run/cloud-init/cloud-id)"
    echo "SEED report complete"
    # Several times: the getty that starts meanwhile hangs the terminal up, and what is being written then is
    # lost.
    for turn in 1 2 3 4 5; do cat /run/seed-report >/dev/ttyS0; sleep 2; done
END
cat >"$work/network" <<END
version: 2
ethernets:
  eth0: {match: {macaddress: "$mac"}, set-name: eth0, addresses: [192.0.2.15/24]}
END
got() { tr -d '\r' <"$work/$1.log" | sed -n "s/^.*SEED $2 //p" | head -n 1; }

# Both machines in parallel, one virtual processor each: two cores.
# The least processor Debian takes, which TCG emulates fastest. -cx16: QEMU 7.2 breaks kernels from 6.5 on
# with that instruction under TCG (DomainSpec::avoid_cx16).
accel=(-accel "tcg,thread=multi,tb-size=256" -cpu "qemu64,-cx16")
boot() {
    exec timeout 1500 qemu-system-x86_64 "${accel[@]}" -smp 1 -m 640 -machine q35 -display none -no-reboot \
        -monitor none -serial "file:$work/$1.log" \
        -drive "file=$work/$1.qcow2,format=qcow2,if=virtio,cache=unsafe" \
            -drive "file=$work/$1.iso,format=raw,if=virtio,readonly=on" \
        -nic "user,restrict=on,model=virtio-net-pci,mac=$mac" \
            -nic "user,restrict=on,model=virtio-net-pci,mac=$second_mac" -device virtio-rng-pci
}
machines=()
stop_machines() { for pid in "${machines[@]}"; do kill "$pid" 2>/dev/null; done; wait; }
at_exit stop_machines
# shellcheck disable=SC2034  # both by name, in the loop
nocloud_options=(--hostname web-1.example.org --password-hash "$hash" --user-data "$work/another.sh:script"
    --nic "$mac,name=lan0,ip=192.0.2.15/24,gw=192.0.2.2" --nic "$second_mac,name=lan1,ip=198.51.100.7/24")
# shellcheck disable=SC2034
configdrive_options=(--network-config "$work/network")
for datasource in nocloud configdrive; do
    options="${datasource}_options[@]"
    "$imgforge" seed create --name web-1 --user ann --ssh-key "$work/key.pub" --locale C.UTF-8 --host-keys \
        --user-data "$work/user-data" "${!options}" --datasource $datasource --output "$work/$datasource.iso"
    qemu-img create -q -f qcow2 -b "$disk" -F qcow2 "$work/$datasource.qcow2"
    : >"$work/$datasource.log"
    boot $datasource & machines+=($!)
done
# The report or the end of QEMU, whichever comes first; the deadline is QEMU's own.
for index in 0 1; do
    datasource=$([ $index = 0 ] && echo nocloud || echo configdrive)
    until [ "$(got "$datasource" report)" = complete ]; do
        kill -0 "${machines[index]}" 2>/dev/null ||
            { tail -n 40 "$work/$datasource.log"; fail "the $datasource machine ended without its report"; }
        sleep 1
    done
done
for datasource in nocloud configdrive; do
    say "$datasource"
    same hostname "$(got $datasource hostname)" web-1
    same user "$(got $datasource user)" ann
    same key "$(got $datasource key)" "$(cut -d' ' -f2 "$work/key.pub")"
    same locale "$(got $datasource locale)" C.UTF-8
    same file "$(got $datasource file)" "own ü 😀"
    same network "$(got $datasource network)" 192.0.2.15/24
    same "host key" "$(got $datasource host-key)" \
        "$("$imgforge" seed inspect "$work/$datasource.iso" --show-secrets |
            sed -n 's/.*"ed25519_public": "ssh-ed25519 \([^ ]*\) .*/\1/p' | head -n 1)"
    same datasource "$(got $datasource datasource)" $datasource
done
same "first card" "$(got nocloud first-card)" "192.0.2.15/24 default via 192.0.2.2"
same "second card" "$(got nocloud second-card)" 198.51.100.7/24
same "host name with domain" "$(got nocloud fqdn)" web-1.example.org
same "second part of user-data" "$(got nocloud second-part)" "second part"
same "password hash, not locked" "$(got nocloud shadow)" "$hash P"
