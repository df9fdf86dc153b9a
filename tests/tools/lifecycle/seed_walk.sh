#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The walk this project began with, by the program alone: a cloud image from a server, a host name, a config
# drive, an overlay in a storage pool, a machine on it, its IP address. The guest is iPXE on a disk of 4 MiB:
# it asks for an address a second after power-on and needs nothing else. libvirt is a daemon in namespaces of
# its own, with its own network, and ends with this script.
tier=tools
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/../../boot/lib.sh"
for program in libvirtd virsh unshare ip dnsmasq qemu-img qemu-system-x86_64 python3 jq xz; do
    command -v $program >/dev/null || skip "$program is not installed"
done
loader=/usr/lib/ipxe/ipxe.iso
[ -f $loader ] || skip "no $loader (package ipxe)"
unshare --mount --net --pid --fork --mount-proc true 2>/dev/null || skip "no right to make namespaces here"
rm -rf "${IMGFORGE_HOME:?}"
mkdir -p "$work"/{web,lab/pool,config/imgforge}
export XDG_CONFIG_HOME=$work/config HOME=$work
uri="qemu+unix:///system?socket=$work/lab/sock/libvirt-sock"
lab() { virsh -q -c "$uri" "$@"; }

say "a server with a packed cloud image, and a host with a pool"
cp $loader "$work/disk.raw"
truncate -s 4M "$work/disk.raw"
qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$work/web/tiny-genericcloud.qcow2"
sha256=$(sha256sum <"$work/web/tiny-genericcloud.qcow2" | cut -d' ' -f1)
xz -k "$work/web/tiny-genericcloud.qcow2"
python3 -u -m http.server --bind 127.0.0.1 --directory "$work/web" 0 >"$work/port" 2>/dev/null & server=$!
unshare --mount --net --pid --fork --kill-child --mount-proc "$root/tests/support/second_libvirtd.sh" \
    "$work/lab" & host=$!
stop_servers() { kill $server; kill -9 $host; wait; }
at_exit stop_servers
for _ in $(seq 150); do lab uri >/dev/null 2>&1 && [ -s "$work/port" ] && break; sleep 0.2; done
port=$(grep -o 'port [0-9]*' "$work/port" | cut -d' ' -f2)
lab pool-define-as golden dir --target "$work/lab/pool"
lab net-info default >/dev/null 2>&1 || lab net-define /usr/share/libvirt/networks/default.xml
printf '%s\n' 'acceleration: tcg' "hosts: {lab1: {connection: '$uri', pool: golden}}" \
    "targets: {lab: {libvirt: '$uri', pool: golden}}" \
    >"$XDG_CONFIG_HOME/imgforge/config.yaml"

say "cloud image"
xzsum=$(sha256sum <"$work/web/tiny-genericcloud.qcow2.xz" | cut -d' ' -f1)
"$imgforge" images import "http://127.0.0.1:$port/tiny-genericcloud.qcow2.xz" --name tiny --os debian12 \
    --sha256 "$xzsum" --json >"$work/import"
same "verified by" "$(jq -r .origin.verified "$work/import")" checksum
same "disk as it was published" "$("$imgforge" images show tiny --json | jq -r .sha256)" "$sha256"

say "host name and config drive"
"$imgforge" seed create --name web-1 --hostname web-1.example.org --user ann --datasource configdrive \
    --output "$work/config-drive.iso" >/dev/null
"$imgforge" seed inspect "$work/config-drive.iso" --json >"$work/drive"
same datasource "$(jq -r .datasource "$work/drive" | tr '[:upper:]' '[:lower:]')" configdrive
same label "$(jq -r .label "$work/drive")" config-2
"$imgforge" seed extract "$work/config-drive.iso" "$work/drive-files" >/dev/null
same "host name on it" "$(jq -r .hostname "$work/drive-files/openstack/latest/meta_data.json")" web-1
grep -q '"fqdn": "web-1.example.org"' "$work/drive-files/openstack/latest/user_data" ||
    fail "the domain is not on it"

say "the image in the pool, an overlay on it, a machine"
"$imgforge" images push tiny lab --json >"$work/pushed"
base=$(jq -r '.volumes[0].path' "$work/pushed")
same "volume verified by" "$(jq -r '.volumes[0].verified' "$work/pushed")" digest
"$imgforge" spawn tiny web-1 --host lab1 --hostname web-1.example.org --memory 64M --network nat --wait ip \
    --timeout 5m --json >"$work/machine"
same overlay "$(lab vol-dumpxml --pool golden web-1.disk.qcow2 | grep -A1 '<backingStore>' |
    grep -o '<path>.*</path>')" "<path>$base</path>"
same "volumes of images" "$(find "$work/lab/pool" -name 'imgforge-*.qcow2' | wc -l)" 1
same state "$(lab domstate web-1)" running
"$imgforge" seed extract "$work/lab/pool/web-1.seed.iso" "$work/seed-files" >/dev/null
grep -q 'web-1.example.org' -r "$work/seed-files" || fail "the machine's own seed does not name its host"
same "who uses the image" "$("$imgforge" images targets lab --json |
    jq -r '.targets[0].generations[0].used_by | sort | join(", ")')" "domain web-1, web-1.disk.qcow2"

say "IP"
ip=$("$imgforge" ip web-1)
same "address of" "$(lab net-dhcp-leases default |
    awk -v mac="$(jq -r '.machines[0].nics[0].mac' "$work/machine")" '$3 == mac { print $5 }')" "$ip/24"

"$imgforge" destroy web-1 --yes
same "volumes of the machine" "$(find "$work/lab/pool" -name 'web-1*' | wc -l)" 0
