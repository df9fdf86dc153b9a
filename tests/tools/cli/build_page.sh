#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `imgforge build --html FILE` leaves its page however the build ends: well, with a failed stage, by Ctrl-C.
# Of its own run, never of another.
# shellcheck source=tests/tools/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# build CODE PAGE RECIPE: exits with CODE and leaves PAGE, which holds each further word
build() {
    local code=0 wanted=$1 page=$2 recipe=$3
    shift 3
    timeout 60 "$imgforge" build "$recipe" --html "$page" >out 2>err || code=$?
    [ "$code" = "$wanted" ] || fail "$recipe: exit code $code, not $wanted"
    for word in "<html" "$@"; do grep -qF -- "$word" "$page" || fail "$page does not hold '$word'"; done
    echo "ok: exit code $code, $page"
}

qemu-img create -q -f qcow2 disk.qcow2 64M
printf 'name: well\nos: debian13\nstages: [{fetch: {source: disk.qcow2}}]\n' >well.recipe
printf 'name: wrong\nos: debian13\nstages: [{fetch: {source: disk.qcow2, sha256: %064d}}]\n' 0 >wrong.recipe
build 0 well.html well.recipe well fetch
build 5 wrong.html wrong.recipe wrong fetch sha256

# A server that is silent in the middle of the file.
python3 - >port <<'END' &
import http.server, sys, time
class Silent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "1000000"); self.end_headers()
        self.wfile.write(b"x"); self.wfile.flush(); time.sleep(60)
    do_HEAD = do_GET
with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
END
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
printf 'name: stopped\nos: debian13\nstages: [{fetch: {source: "%s", sha256: %064d}}]\n' \
    "http://127.0.0.1:$(cat port)/disk.qcow2" 0 >stopped.recipe
timeout 60 "$imgforge" build stopped.recipe --html stopped.html >out 2>err & builder=$!
for _ in $(seq 200); do compgen -G "$IMGFORGE_HOME/runs/*-stopped-*" >/dev/null && break; sleep 0.1; done
sleep 0.5
kill -INT "$(pgrep -P $builder)"
code=0; wait $builder || code=$?
[ "$code" = 130 ] || fail "after SIGINT: exit code $code, not 130"
for word in "<html" stopped interrupted; do
    grep -qF -- "$word" stopped.html || fail "stopped.html does not hold '$word'"
done
echo "ok: exit code 130, stopped.html"

# The error of the build is not hidden by a page that cannot be written.
code=0; "$imgforge" build wrong.recipe --html no-such-folder/page.html >out 2>err || code=$?
[ "$code" = 5 ] || fail "page that cannot be written: exit code $code, not 5"
grep -q "no report file" err || fail "the missing page is not reported"
echo "PASSED"
