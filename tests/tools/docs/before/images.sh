# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A registry, a web server's files and a row of the catalogue, all on this host.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$WORK/registry.yml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $WORK/registry}}
http: {addr: '127.0.0.1:$port'}
END
docker-registry serve "$WORK/registry.yml" >"$WORK/registry.log" 2>&1 &
echo $! >"$WORK/registry.pid"
echo "REGISTRY=127.0.0.1:$port" >>"$WORK/given"
for _ in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
imgforge images push debian12 "oci://127.0.0.1:$port/golden/debian12" --quiet >/dev/null

disk debian-12-generic-amd64.qcow2 5
qemu-img convert -O vmdk debian-12-generic-amd64.qcow2 web.vmdk
qemu-img convert -O raw debian-12-generic-amd64.qcow2 "$WORK/www/disk.raw"
echo ,,L | sfdisk -q "$WORK/www/disk.raw"
xz -0 "$WORK/www/disk.raw"
cp debian-12-generic-amd64.qcow2 "$WORK/www/lab12.qcow2"
(cd "$WORK/www" && sha256sum lab12.qcow2 >SHA256SUMS)
mkdir -p "$HOME/.config/imgforge/catalog.d"
cat >"$HOME/.config/imgforge/catalog.d/lab.yaml" <<END
images:
  - {name: lab12, os: debian12, version: "12", arch: [amd64], url: "$WEB/lab12.qcow2", checksums: SHA256SUMS}
END
