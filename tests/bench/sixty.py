#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""60 machines on a libvirtd of the benchmark's own: defined, listed, destroyed, forgotten; seconds of whole
commands.

  sixty.py PROGRAM [ROUNDS]     PROGRAM: an imgforge; on a busy host under `chrt -r 10`, as bench.py --alone
  does"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from private_libvirt import PrivateLibvirt, missing

COUNT = 60
GOALS = {"define": 3.5, "list": 0.5, "destroy": 5.0}  # seconds


class Store:
    """A home with one small image, in which the commands run."""

    def __init__(self, program, folder, uri):
        self.program = program
        self.env = dict(
            os.environ,
            IMGFORGE_HOME=os.path.join(folder, "home"),
            XDG_CONFIG_HOME=os.path.join(folder, "config"),
            LIBVIRT_DEFAULT_URI=uri,
            IMGFORGE_IMMUTABLE="off",
        )
        os.makedirs(os.path.join(folder, "config", "imgforge"))
        with open(
            os.path.join(folder, "config", "imgforge", "config.yaml"), "w", encoding="ascii"
        ) as settings:
            settings.write(
                "acceleration: tcg\n"
            )  # nothing starts: measuring what the host can do would be in the first figure
        disk = os.path.join(folder, "disk.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1G"], check=True)
        self.seconds("images", "import", disk, "--name", "base")
        self.seconds("spawn", "base", "first", "--no-start", "--wait", "none")  # keys are made

    def seconds(self, *words):
        begun = time.monotonic()
        subprocess.run(
            [self.program, *words],
            check=True,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.monotonic() - begun

    def round(self):
        names = [f"m-{i + 1}" for i in range(COUNT)]
        define = self.seconds(
            "spawn",
            "base",
            "m-{n}",
            "--count",
            str(COUNT),
            "--no-start",
            "--wait",
            "none",
            "--memory",
            "256M",
        )
        listed = statistics.median(self.seconds("list", "--json") for _ in range(5))
        return {
            "define": define,
            "list": listed,
            "destroy": self.seconds("destroy", "--yes", *names),
            "cleanup": self.seconds("cleanup"),
        }


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    if missing():
        print(missing())
        return 77
    folder = tempfile.mkdtemp(prefix="imgforge-sixty-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    try:
        with PrivateLibvirt(folder) as libvirt:
            store = Store(os.path.abspath(sys.argv[1]), folder, libvirt.uri)
            rounds = [store.round() for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = {key: sorted(round(one[key], 2) for one in rounds) for key in rounds[0]}
    missed = [key for key, goal in GOALS.items() if statistics.median(figures[key]) > goal]
    print(
        json.dumps(
            {"count": COUNT, "seconds": figures, "goals": GOALS, "missed": missed, "load": os.getloadavg()}
        )
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
