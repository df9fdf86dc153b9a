#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real S3 service (radosgw on a Ceph in memory) between two stores: push, follow, only what changed,
# conditional PUT as the lock, promotion.
# On the cluster of $IMGFORGE_CEPH, else on one of its own.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
imgforge=${IMGFORGE_BINARY:?set by CTest}
export IMGFORGE_DATA=$root IMGFORGE_IMMUTABLE=off
. "$root/tests/tools/engines/common.sh"
needs 'ceph-mon ceph-osd ceph-common radosgw curl jq qemu-utils' \
    ceph-mon ceph-osd ceph rbd radosgw radosgw-admin curl jq qemu-io
work=$(mktemp -d "${TMPDIR:-/tmp}/imgforge-radosgw-XXXXXX")
ceph=$(cluster_for "$work/ceph")
finish() {
    local status=$?
    if [ -s "$work/radosgw.pid" ]; then kill "$(cat "$work/radosgw.pid")" || true; fi
    [ "$ceph" != "$work/ceph" ] || "$root/tests/support/engines/ceph.sh" stop "$ceph" || true
    if [ $status -ne 0 ]; then tail -n 5 "$ceph"/*.log "$work"/*.log "$work/err" 2>/dev/null || true; fi
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 143' TERM INT
same() { [ "$2" = "$3" ] || { echo "FAILED: $1: got '$2', expected '$3'"; exit 1; }; echo "ok: $1 is $2"; }

start_cluster "$ceph"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cp "$ceph/ceph.conf" "$work/ceph.conf"
cat >>"$work/ceph.conf" <<END
[client.rgw]
keyring = $work/rgw.keyring
pid file = $work/radosgw.pid
log file = $work/radosgw.log
rgw data = $work/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
rgw rados pool pg num min = 4
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw enable usage log = false
rgw run sync thread = false
END
mkdir "$work/rgw"
conf=(-c "$work/ceph.conf")
ceph "${conf[@]}" auth get-or-create client.rgw mon 'allow rwx' osd 'allow rwx' >"$work/rgw.keyring"
radosgw "${conf[@]}" -n client.rgw
radosgw-admin "${conf[@]}" user create --uid=t --display-name=t --access-key=TESTKEY \
    --secret-key=testsecret >/dev/null 2>&1
url=http://127.0.0.1:$port
# s3 METHOD PATH [curl options]: a signed request; prints the status
s3() {
    curl -s -o "$work/body" -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 --user TESTKEY:testsecret \
        -X "$1" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "${@:3}" "$url$2"
}
for _ in $(seq 120); do [ "$(s3 GET / || true)" = 200 ] && break; sleep 0.5; done
same "the bucket's making" "$(s3 PUT /golden)" 200

printf 'aws_access_key_id = TESTKEY\naws_secret_access_key = testsecret\n' >"$work/credentials"
openssl genpkey -algorithm ed25519 -out "$work/index.key" 2>/dev/null
mkdir -p "$work/config/imgforge"
export XDG_CONFIG_HOME=$work/config
cat >"$work/config/imgforge/config.yaml" <<END
targets:
  cloud: {s3: "$url/golden/images", credentials: $work/credentials, key: $work/index.key, follow: true}
END
# on HOST COMMAND…: imgforge with a store of that name
on() { local home=$work/$1; shift; IMGFORGE_HOME=$home "$imgforge" "$@" 2>"$work/err"; }
# make FILE CHANGES: a disk of 32 MiB, the second half of it given by CHANGES
make() {
    qemu-img create -q -f qcow2 "$1" 64M
    qemu-io -f qcow2 -c 'write -P 0x11 0 24M' -c "write -P $2 25M 3M" -c 'write -P 0x55 510 1' \
        -c 'write -P 0xaa 511 1' "$1" >/dev/null
}

make "$work/one.qcow2" 0x21
on a images import "$work/one.qcow2" --name disk --json >/dev/null
on a images push disk cloud --json >"$work/push"
same "index after the first push" "$(jq -c '[.serial, .signed]' "$work/push")" '[1,true]'
on b images follow --json >"$work/follow"
same "b follows" "$(jq -c '[.sources[0].images[0] | .image, .generation, .published]' "$work/follow")" \
    '["disk",1,true]'
on b images follow --json >"$work/follow"
same "the second pass is one conditional request" "$(jq -c '.sources[0].unchanged' "$work/follow")" true

make "$work/two.qcow2" 0x22
on a images import "$work/two.qcow2" --name disk --json >/dev/null
on a images push disk cloud --json >"$work/push"
echo "windows sent for the second generation: $(jq -c '[.sent, .windows]' "$work/push")"
same "new windows are those three, which are equal" "$(jq ".sent >= 1 and .sent <= 3" "$work/push")" true
on b images follow --json >"$work/follow"
same "b has the second" "$(jq -c '.sources[0].images[0].remote_generation' "$work/follow")" 2
on a images rollback disk --json >"$work/rollback"
same "the pointer in the bucket follows a rollback" \
    "$(jq -c '[.current, .targets[0].outcome]' "$work/rollback")" '[1,"moved"]'
on b images follow --json >"$work/follow"
same "so does b" "$(on b images list --json | jq '.images[0].current')" 1

same "who comes second with If-None-Match is refused" \
    "$(s3 PUT /golden/images/index.json -H 'If-None-Match: *' --data-binary x)" 412
same "what a lists" "$(on a images targets --json |
    jq -c '[.targets[0].generations[] | [.generation, .current]]')" '[[1,true],[2,false]]'
sed -i s/testsecret/wrong/ "$work/credentials"
code=0; on a images push disk cloud --json >"$work/out" || code=$?
same "exit code with a wrong key" "$code" 1
same "its message" "$(jq -r '.error.message' "$work/out" | grep -c 'answers 403')" 1
echo "PASSED: $0"
