#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# console_login.py IMGFORGE MACHINE USER PASSWORD: sits at the serial console through a terminal of its own,
# logs in, runs a command, logs out and leaves with Ctrl-]. Every wait has a deadline and says what was last
# seen.
import os, pty, re, select, sys, time

imgforge, machine, user, password = sys.argv[1:5]
pid, fd = pty.fork()
if pid == 0:
    os.execv(imgforge, [imgforge, "console", machine])
seen = b""


def expect(pattern, seconds, nudge=None):
    """Waits for the pattern in what came since the last match; `nudge` is typed every few seconds until
    then."""
    global seen
    deadline = time.monotonic() + seconds
    typed = 0.0
    while not (match := re.search(pattern, seen)):
        if time.monotonic() > deadline:
            sys.exit(f"no {pattern!r} within {seconds}s; last seen: {seen[-300:]!r}")
        if nudge and time.monotonic() - typed > 5:
            os.write(fd, nudge)
            typed = time.monotonic()
        if select.select([fd], [], [], 0.5)[0]:
            try:
                seen += os.read(fd, 4096)
            except OSError:
                sys.exit(f"the console ended; last seen: {seen[-300:]!r}")
    seen = seen[match.end():]


expect(rb"Ctrl-\] leaves it", 20)
expect(rb"login: ", 60, b"\r")
os.write(fd, user.encode() + b"\r")
expect(rb"[Pp]assword: ", 60)
os.write(fd, password.encode() + b"\r")
expect(rb"\$ ", 90)
os.write(fd, b"echo console-$((6 * 7))\r")
expect(rb"console-42", 60)
os.write(fd, b"exit\r")
expect(rb"login: ", 60)
os.write(fd, b"\x1d")
deadline = time.monotonic() + 20
while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        sys.exit(os.waitstatus_to_exitcode(status))
    if time.monotonic() > deadline:
        sys.exit("Ctrl-] did not end it")
    if select.select([fd], [], [], 0.1)[0]:
        try:
            os.read(fd, 4096)
        except OSError:
            pass
