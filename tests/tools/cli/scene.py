# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the program's secrets and rights share: a web server that has one disk."""
import http.server
import os
import pathlib
import shutil
import sys
import tempfile
import threading


def serve(disk):
    """Serves the file `disk` as /disk.qcow2 on a free port of 127.0.0.1, everything else with 404; returns
    the server, whose server_address has the port. It runs until its shutdown() or the end of the process."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = disk.read_bytes() if self.path == "/disk.qcow2" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def work_as_two_users(name):
    """A directory that every user can enter, for a test that is root and then others; ends the test as
    skipped where it cannot be."""
    if not shutil.which("qemu-img"):
        print("qemu-img is not installed (package qemu-utils)")
        sys.exit(77)
    if os.geteuid() != 0:
        print("needs root, to be two users")
        sys.exit(77)
    work = pathlib.Path(
        tempfile.mkdtemp(prefix=f"imgforge-{name}-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    )
    work.chmod(0o755)
    return work
