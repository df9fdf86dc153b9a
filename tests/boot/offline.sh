#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# customize, sysprep and audit of a real installed guest at rest: packages by its own apt from a repository of
# this host through the appliance's network, commands, a failure that names its command, an initramfs that
# carries the old identity, and nothing left of it.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
for tool in dpkg-deb python3; do command -v $tool >/dev/null || skip "$tool is not installed"; done
golden=$(golden_disk "$image")
own_home
disk=$work/disk.qcow2
id=0123456789abcdef0123456789abcd13

say "a repository of this host"
mkdir -p "$work/repo" "$work/package/DEBIAN" "$work/package/usr/bin"
printf '#!/bin/sh\necho forged\n' >"$work/package/usr/bin/forged"; chmod 755 "$work/package/usr/bin/forged"
cat >"$work/package/DEBIAN/control" <<END
Package: forged-tool
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: a package for a test
END
printf '#!/bin/sh\nset -e\nid -u >/var/lib/forged-postinst\n' >"$work/package/DEBIAN/postinst"; chmod 755 \
    "$work/package/DEBIAN/postinst"
dpkg-deb --root-owner-group -b "$work/package" "$work/repo/forged-tool.deb" >/dev/null
{ cat "$work/package/DEBIAN/control"; printf 'Filename: ./forged-tool.deb\nSize: %s\nSHA256: %s\n' \
    "$(stat -c %s "$work/repo/forged-tool.deb")" \
    "$(sha256sum "$work/repo/forged-tool.deb" | cut -d' ' -f1)"; } >"$work/repo/Packages"
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/repo" >"$work/http" 2>&1 & server=$!
at_exit stop_server; stop_server() { kill $server; }
for _ in $(seq 100); do grep -q 'port [0-9]' "$work/http" && break; sleep 0.1; done
port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/http")
holds "the repository answers" test -n "$port"

say "files and commands: the guest gets an identity, and an initramfs that carries it"
cat >"$work/hook" <<'END'
#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
mkdir -p "$DESTDIR/etc" && cp /etc/machine-id "$DESTDIR/etc/machine-id"
END
chmod 755 "$work/hook"
# 169.254.2.2 is this host's loopback in the appliance (guestfs(3), guestfs_set_network).
"$imgforge" customize "$golden" --output "$disk" --mkdir /srv/given \
    --upload "$work/hook:/etc/initramfs-tools/hooks/identity" \
    --write "/etc/apt/sources.list:deb [trusted=yes] http://169.254.2.2:$port/ ./" \
        --write "/etc/initramfs-tools/conf.d/small:MODULES=list" \
    --write "/etc/machine-id:$id" \
        --run 'rm -rf /etc/apt/sources.list.d/*; mkdir -p /etc/iscsi; touch /etc/iscsi/iscsi.initramfs' \
    --run 'ssh-keygen -A' --run 'update-initramfs -u -k all' --timezone Europe/Berlin \
        --firstboot 'echo first >/var/first' --json >"$work/custom.json"
holds "every step is reported" test "$(jq '.steps|length' "$work/custom.json")" -ge 8
before=$(sha256sum "$disk" | cut -d' ' -f1)

say "a command that fails"
same "exit code" "$(exit_code "$imgforge" customize "$disk" --run 'echo said before it fell; exit 7')" 1
holds "the message names the command, its code and its last output" grep \
    -Pzq "exit 7' ended with code 7(.|\n)*said before it fell" "$work/err"
same "the image after a failure" "$(sha256sum "$disk" | cut -d' ' -f1)" "$before"

say "a package by the guest's own manager through the appliance's network"
"$imgforge" customize "$disk" --install forged-tool \
    --run 'forged >/srv/given/answer; test -f /var/lib/forged-postinst' --json >"$work/install.json"
holds "apt fetched it from here" grep -q 'GET /./forged-tool.deb' "$work/http"

say "sysprep"
"$imgforge" sysprep "$disk" --json >"$work/sysprep.json"
changes() { jq -r --arg name "$1" '.operations[]|select(.name==$name)|.changes[]|.action+" "+.path' \
    "$work/sysprep.json"; }
holds "the initramfs is rebuilt" grep -q '^rebuild /boot/initrd.img-' <(changes initramfs)
same "machine-id" "$(changes machine-id)" "empty /etc/machine-id"
holds "host keys are removed" grep -q 'remove /etc/ssh/ssh_host_ed25519_key' <(changes ssh-hostkeys)
"$imgforge" sysprep "$disk" --json >"$work/again.json"
same "changes of a second run" \
    "$(jq -r '.operations[]|.name as $name|.changes[]|$name+": "+.action+" "+.path' "$work/again.json")" ""

say "audit, with what was to vanish as needles"
python3 - "$id" >"$work/needles.json" <<'END'
import base64, json, sys
value = base64.b64encode(sys.argv[1].encode()).decode()
needle = {"kind": "machine-id", "label": "old machine-id", "source": "/etc/machine-id", "value": value}
print(json.dumps({"needles": [needle]}))
END
code=$(exit_code "$imgforge" audit "$disk" --needles "$work/needles.json" --json)
jq -c '.findings[]|select(.waived|not)|[.rule,.layer,.path]' "$work/out"
same "findings" "$(jq '[.findings[]|select(.waived|not)]|length' "$work/out")" 0
same "exit code" "$code" 0

say "a closer look without us: the id is neither in the file nor on the disk"
qemu-img convert -f qcow2 -O raw "$disk" "$work/raw"
same "hits in the disk" "$(grep -a -c "$id" "$work/raw")" 0
same "hits in the file" "$(grep -a -c "$id" "$disk")" 0
