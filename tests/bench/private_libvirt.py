# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirtd of the benchmark's own: no domain, network or bridge of the host is touched, and all of it ends
with us.

It lives in mount, network and PID namespaces; clients outside reach it through its socket.
"""
import os
import shutil
import subprocess
import time

from measure import CommandFailed

# The shell stays as the namespace's first process and takes in orphans: libvirt waits for the end of a QEMU
# that it started as a daemon.
INNER = """
mount --bind "$0/etc" /etc/libvirt
mount --bind "$0/lib" /var/lib/libvirt
mount --bind "$0/run" /run/libvirt
ip link set lo up
virtlogd -d -p "$0/virtlogd.pid"
libvirtd -p "$0/libvirtd.pid" &
wait
"""


def missing():
    """Why there can be none here, or nothing."""
    if os.geteuid() != 0:
        return "a private libvirtd needs root"
    return next(
        (
            f"not installed: {program}"
            for program in ("libvirtd", "virtlogd", "unshare", "virsh")
            if not shutil.which(program)
        ),
        None,
    )


class PrivateLibvirt:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "libvirt")
        self.process = None

    @property
    def uri(self):
        return f"qemu+unix:///system?socket={self.folder}/run/libvirt-sock"

    def virsh(self, *words):
        return subprocess.run(
            ["virsh", "-q", "-c", self.uri, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def __enter__(self):
        os.makedirs(os.path.join(self.folder, "lib", "qemu"))
        os.makedirs(os.path.join(self.folder, "run"))
        os.makedirs("/run/libvirt", exist_ok=True)  # where the mount goes
        shutil.copytree("/etc/libvirt", os.path.join(self.folder, "etc"), symlinks=True)
        for name in os.listdir(os.path.join(self.folder, "etc", "qemu")):
            if name.endswith(".xml"):
                os.unlink(os.path.join(self.folder, "etc", "qemu", name))
        with open(os.path.join(self.folder, "etc", "qemu.conf"), "w", encoding="ascii") as conf:
            # As root: a QEMU that may not open /dev/kvm while libvirtd may makes libvirt probe QEMU again at
            # every call. Without cgroups: those of the cpu controller take no process of real-time priority
            # (bench.py --alone).
            conf.write('user = "root"\ngroup = "root"\nsecurity_driver = "none"\ncgroup_controllers = [ ]\n')
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--net",
                    "--pid",
                    "--fork",
                    "--mount-proc",
                    "--kill-child=SIGKILL",
                    "sh",
                    "-ec",
                    INNER,
                    self.folder,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while self.virsh("version").returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                    text = log.read()[-1500:]
                self.__exit__(None, None, None)
                raise CommandFailed(f"the private libvirtd did not answer within 60 s: {text}")
            time.sleep(0.1)
        if self.virsh("net-info", "default").returncode != 0:
            self.virsh("net-define", "/usr/share/libvirt/networks/default.xml")
        self.virsh("net-start", "default")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            # Unshare ignores SIGTERM; --kill-child takes the namespace with everything in it
            self.process.kill()
        self.process.wait(30)

    def forget(self, name):
        """A peer's domain is gone afterwards, whatever state it was in."""
        self.virsh("destroy", name)
        self.virsh("undefine", name)
