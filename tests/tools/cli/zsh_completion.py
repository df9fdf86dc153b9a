#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presses Tab in a real zsh: its completion runs only inside its line editor, which wants a terminal."""
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

TIMEOUT = 60  # seconds, for a loaded host
BINARY = os.environ["IMGFORGE_BINARY"]


def read_until(terminal, text):
    said = b""
    end = time.monotonic() + TIMEOUT
    while text.encode() not in said.replace(
        b"\x07", b""
    ):  # zsh rings the bell in the middle of what it completes
        if time.monotonic() > end:
            sys.exit(f"FAILED: '{text}' did not come within {TIMEOUT} s; last seen: {said[-500:]!r}")
        if select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 65536)


def main():
    if not shutil.which("zsh"):
        if set(os.environ.get("IMGFORGE_REQUIRE", "").split(",")) & {"tools", "all"}:
            sys.exit("FAILED: IMGFORGE_REQUIRE names tools: zsh is missing")
        print("SKIPPED: zsh is missing")
        sys.exit(77)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as work:
        os.makedirs(f"{work}/home/images/debian13/1")
        os.makedirs(f"{work}/home/instances/web-1")
        os.makedirs(f"{work}/functions")
        with open(f"{work}/functions/_imgforge", "wb") as script:
            script.write(
                subprocess.run([BINARY, "completion", "zsh"], check=True, stdout=subprocess.PIPE).stdout
            )
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(
                TERM="dumb",
                IMGFORGE_HOME=f"{work}/home",
                PATH=f"{os.path.dirname(BINARY)}:{os.environ['PATH']}",
            )
            os.execvp("zsh", ["zsh", "-f", "-i"])
        os.write(
            terminal,
            f"fpath=({work}/functions $fpath); autoload -Uz compinit; compinit -u -d {work}/dump; echo REA''DY\n".encode(),
        )
        read_until(terminal, "READY")
        for typed, wanted in (
            ("imgforge spa", "spawn "),
            ("imgforge images pro", "promote "),
            ("imgforge spawn deb", "debian13 "),
            ("imgforge ssh w", "web-1 "),
            ("imgforge build debian1", "debian12.recipe"),
            ("imgforge seed create --datasource conf", "configdrive "),
        ):
            os.write(terminal, f"{typed}\t".encode())
            read_until(terminal, wanted)
            print(f"ok: '{typed}' and Tab give '{wanted}'")
            os.write(terminal, b"\x15")  # kill the line
        os.write(terminal, b"\x15exit\n")
        os.waitpid(child, 0)


main()
