# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud-init's `devel net-convert` over every file of a directory, in one process: NAME KIND ok, or the
exception.

Files that end in .json are OpenStack's network_data.json, all others network-config. Each is rendered for the
four renderers of current distributions."""
import contextlib
import io
import logging
import os
import sys
import tempfile

from cloudinit.cmd.devel import net_convert

logging.disable(logging.CRITICAL)
KINDS = {"netplan": "ubuntu", "eni": "debian", "sysconfig": "rhel", "networkd": "arch"}

for name in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], name)
    for kind, distro in KINDS.items():
        words = [
            "-p",
            path,
            "-k",
            "network_data.json" if name.endswith(".json") else "yaml",
            "-D",
            distro,
            "-O",
            kind,
        ]
        if name.endswith(".json"):
            for number in range(1, 5):
                words += ["-m", "eth%d,52:54:00:00:00:%02d" % (number, number)]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            try:
                net_convert.handle_args(
                    "net-convert", net_convert.get_parser().parse_args(words + ["-d", folder])
                )
                made = [file for _, _, files in os.walk(folder) for file in files]
                print(name, kind, "ok" if made else "nothing was written")
            except BaseException as error:  # an exit as well
                print(name, kind, type(error).__name__, str(error).replace("\n", " "))
