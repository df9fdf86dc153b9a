#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From nothing to a login in one command: an empty store, a publisher's server (HTTP, with ranges, on the
# loopback interface) that holds a bootable Debian cloud image and a signed checksum file, one row of the
# catalogue, and `imgforge spawn NAME web-1`.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
for program in gpg jq nginx qemu-img ssh-keygen; do
    command -v "$program" >/dev/null || skip "no $program"
done
golden=$(golden_disk "$image")
export XDG_CONFIG_HOME=$work/config GNUPGHOME=$work/gnupg

say "the publisher: image, checksums, clear-signed checksums"
mkdir -p "$work/www" "$XDG_CONFIG_HOME/imgforge/catalog.d" "$IMGFORGE_HOME"
mkdir -m 700 "$GNUPGHOME"
chmod 711 "$work"
qemu-img convert -O qcow2 -c "$golden" "$work/www/front-13-generic-amd64.qcow2"
(cd "$work/www" && sha512sum -- *.qcow2 >SHA512SUMS)
gpg --batch --quiet --passphrase '' --quick-generate-key 'Publisher <images@example.org>' ed25519 sign never
gpg --batch --quiet --armor --detach-sign --output "$work/www/SHA512SUMS.sign" "$work/www/SHA512SUMS"
gpg --batch --quiet --export >"$work/publisher.gpg"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/nginx.conf" <<END
daemon on; pid $work/nginx.pid; error_log $work/nginx.log; worker_processes 1; user root;
events {}
http { access_log $work/access.log;
    client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
       uwsgi_temp_path $work/t4; scgi_temp_path $work/t5; server { listen 127.0.0.1:$port; root $work/www; } }
END
stop_server() { kill "$(cat "$work/nginx.pid")"; }
nginx -c "$work/nginx.conf" 2>/dev/null
at_exit stop_server
cat >"$XDG_CONFIG_HOME/imgforge/catalog.d/front.yaml" <<END
images:
  - name: front
    os: $image
    version: "13"
    arch: [amd64]
    url: http://127.0.0.1:$port/front-13-generic-{arch}.qcow2
    checksums: SHA512SUMS
    signature: SHA512SUMS.sign
    keyring: $work/publisher.gpg
END

say "one command, on an empty store"
export IMGFORGE_HOME=$work/home
destroy_all() { "$imgforge" destroy web-1 --yes; }
at_exit destroy_all
same "images before" "$("$imgforge" images list --json | jq -c .images)" '[]'
started=$SECONDS
code=$(exit_code "$imgforge" --connect embedded spawn front web-1 --network user --wait ssh --json)
same "exit code of the spawn" "$code" 0
echo "from nothing to SSH: $((SECONDS - started)) s"
holds "source, size and proof are reported before the download" grep \
    -q "127.0.0.1:$port/front-13-generic-amd64.qcow2 (.*), verified by a signature" "$work/err"
same "image of the machine" "$(jq -r '.machines[0].image' "$work/out")" front
same "how it was verified" "$("$imgforge" images show front --json | jq -r '.. | .verified? // empty' |
    head -n 1)" signature
same "hostname over SSH" "$("$imgforge" ssh web-1 -- hostname | tr -d '\r')" web-1

say "the second machine fetches nothing"
requests=$(grep -c qcow2 "$work/access.log")
code=$(exit_code "$imgforge" --connect embedded spawn front web-2 --network user --wait none --json)
same "exit code" "$code" 0
same "requests for the image" "$(grep -c qcow2 "$work/access.log")" "$requests"
"$imgforge" destroy web-2 --yes

say "a changed image and a changed checksum file are refused"
printf 'x' | dd of="$work/www/front-13-generic-amd64.qcow2" bs=1 seek=100000 conv=notrunc status=none
same "changed image" "$(exit_code "$imgforge" images import front --name other)" 5
(cd "$work/www" && sha512sum -- *.qcow2 >SHA512SUMS)
same "changed checksums" "$(exit_code "$imgforge" images import front --name other)" 5
same "generations of other" "$("$imgforge" images list --json |
    jq '[.images[] | select(.name == "other")] | length')" 0
