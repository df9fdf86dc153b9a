#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `imgforge spawn --lazy`: a small machine boots from a web server that has its image, is completed while
# it runs, and goes on when the server was away. Real nginx, nbdkit and QEMU.
#   lazy_test.sh   with IMGFORGE_BINARY
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../../.." && pwd)
imgforge=${IMGFORGE_BINARY:?name the program}
. "$source_dir/tests/support/tiny_machine.sh"
. "$source_dir/tests/tools/engines/common.sh"
needs 'nbdkit nginx-light jq curl' nbdkit nginx jq curl
[ -z "$(tiny_machine_lacks)" ] || skip "a small machine needs: $(tiny_machine_lacks | paste -sd' ')"
dir=$(mktemp -d /var/tmp/lazy.XXXXXX)
chmod 755 "$dir"
export HOME=$dir/user IMGFORGE_HOME=$dir/host IMGFORGE_IMMUTABLE=off
finish() {
    for name in web-1 web-2; do
        "$imgforge" destroy $name --yes --forget --drop-changes --quiet >/dev/null 2>&1 || true; done
    [ ! -s "$dir/nginx.pid" ] || kill "$(cat "$dir/nginx.pid")" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
fail() { echo "FAILED: $*"; tail -5 "$dir"/host/instances/*/hydrate.log 2>/dev/null; exit 1; }
say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
served() { pgrep -f "nbdkit.*$dir/host/instances/$1/base.sock" >/dev/null; }  # QEMU names the socket, too
serve() { nginx -c "$dir/nginx.conf" -e "$dir/error.log"; }
state() { "$imgforge" list --json | jq -r ".machines[] | select(.name == \"$1\") |
    .state + \" \" + .reason"; }
lazy() { "$imgforge" show "$1" --json | jq -r '.machines[0].lazy'; }
sent() { awk '/GET \/tiny-1\.qcow2/ {n += $NF} END {print n + 0}' "$dir/access.log"; }
until_true() { # SECONDS WHAT COMMAND…
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" 2>/dev/null; do
        [ $SECONDS -lt $deadline ] ||
            fail "$what: not within the time; web-1 $(state web-1), web-2 $(state web-2)"
        sleep 0.5
    done
}

mkdir -p "$HOME/.config/imgforge" "$dir/www"
port=$(free_port)
echo "targets: {www: {folder: $dir/www, files: true}}" >"$HOME/.config/imgforge/config.yaml"
cat >"$dir/nginx.conf" <<END
pid $dir/nginx.pid;
master_process off;
events {}
http {
    log_format bytes '\$request \$body_bytes_sent';
    access_log $dir/access.log bytes;
    server { listen 127.0.0.1:$port; root $dir/www; }
}
END
tiny_disk "$dir/tiny.qcow2"
IMGFORGE_HOME=$dir/origin "$imgforge" images import "$dir/tiny.qcow2" --name tiny --quiet
IMGFORGE_HOME=$dir/origin "$imgforge" images push tiny www --quiet
serve
url=http://127.0.0.1:$port
whole=$(stat -c %s "$dir/www/tiny-1.qcow2")
say "the server has a disk of $whole bytes"

answers() { curl -sf --max-time 5 "http://127.0.0.1:$1/cgi-bin/boot" >"$dir/boot"; }
p1=$(free_port)
"$imgforge" --connect embedded spawn tiny web-1 --lazy "$url" --memory 256M --publish "$p1:80" \
    --wait none --quiet
until_true 240 'web-1 answers' answers "$p1"
boot=$(cat "$dir/boot")
say "web-1 answers; $(sent) bytes of the disk were read over HTTP"
complete() { [ "$(lazy "$1")" = null ]; }
until_true 240 'web-1 is complete' complete web-1
"$imgforge" show web-1 --json | jq -e '.machines[0].disk.backing |
    endswith("images/tiny/1/disk.qcow2")' >/dev/null || fail 'web-1 is not on its local image'
! served web-1 || fail 'the nbdkit of web-1 is still there'
answers "$p1" || fail 'web-1 does not answer any more'
[ "$boot" = "$(cat "$dir/boot")" ] || fail 'web-1 did not run on'
curl -sf "http://127.0.0.1:$p1/cgi-bin/write?word" >/dev/null
say "web-1 is complete and never stopped"

"$imgforge" images verify tiny --quiet || fail 'the image that was pulled is not whole'
p2=$(free_port)
"$imgforge" --connect embedded spawn tiny web-2 --lazy "$url" --memory 256M --publish "$p2:80" \
    --no-start --quiet
before=$(wc -l <"$dir/access.log")
"$imgforge" start web-2 --quiet
reading() { [ "$(wc -l <"$dir/access.log")" -gt $((before + 20)) ]; }
until_true 60 'web-2 reads from the server' reading
kill -9 "$(cat "$dir/nginx.pid")"
halted() { [ "$(state web-2)" = 'paused I/O error' ]; }
until_true 180 'web-2 halts' halted
say "the server is gone: web-2 is $(state web-2)"
if "$imgforge" hydrate web-2 --timeout 1s >"$dir/error" 2>&1; then
    fail 'hydrated from a server that is gone'; fi
grep -q 127.0.0.1 "$dir/error" || fail "the error does not say what is away: $(cat "$dir/error")"
rm -f "$dir/nginx.pid"
serve
"$imgforge" hydrate web-2 --quiet
until_true 240 'web-2 answers' answers "$p2"
say "the server is back: web-2 went on and is complete"
"$imgforge" --connect embedded spawn tiny web-3 --lazy "$url" --no-start --quiet
served web-3 || fail 'web-3 has no nbdkit'
"$imgforge" destroy web-3 --yes --quiet
! served web-3 || fail 'the nbdkit of a destroyed machine is still there'
say "destroyed: its nbdkit is gone"
