# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines on a libvirtd of the benchmark's own. The image is a small one without a system: what is measured
ends when QEMU runs."""
import os

from cases import Case
from measure import Command, quietly

IMAGE = "bench"
NAMES = ("spawn/virt-install", "spawn/virsh", "spawn/50")


class Machines:
    """A store with one generation, a seed, and names nobody else uses."""

    def __init__(self, bench, libvirt):
        self.bench, self.libvirt = bench, libvirt
        self.home = os.path.join(bench.folder, "machines-home")
        self.env = {
            "IMGFORGE_HOME": self.home,
            "LIBVIRT_DEFAULT_URI": libvirt.uri,
            "IMGFORGE_IMMUTABLE": "off",
        }
        self.disk = os.path.join(self.home, "images", IMAGE, "1", "disk.qcow2")
        self.seed = os.path.join(bench.folder, "peer-seed.iso")
        self.xml = os.path.join(bench.folder, "peer.xml")
        self.count = 0

    def ready(self):
        if os.path.exists(self.seed):
            return
        quietly([self.bench.tool, "store", self.home, IMAGE, "1"], self.env)
        os.chmod(self.bench.folder, 0o755)
        name = self.name()
        self.imgforge(
            "spawn", IMAGE, name, "--no-start", "--wait", "none"
        )  # keys and measured acceleration are there afterwards
        folder = os.path.join(self.home, "instances", name)
        quietly(["cp", "--", os.path.join(folder, "seed.iso"), self.seed])
        with open(self.xml, "w", encoding="utf-8") as out:
            out.write(self.libvirt.virsh("dumpxml", name).stdout)
        self.gone(name)

    def name(self):
        self.count += 1
        return f"b{self.count}"

    def imgforge(self, *words):
        return quietly([self.bench.imgforge, *words], self.env)

    def gone(self, *names):
        self.imgforge("destroy", "--yes", "--quiet", *names)
        self.imgforge("cleanup", "--quiet")

    def spawn(self, *more, count=1):
        name = self.name()
        names = [name] if count == 1 else [f"{name}-{i + 1}" for i in range(count)]
        words = [
            "spawn",
            IMAGE,
            name if count == 1 else f"{name}-{{n}}",
            "--wait",
            "none",
            "--quiet",
            "--memory",
            "256M",
            *more,
        ]
        if count > 1:
            words += ["--count", str(count)]
        return Command([self.bench.imgforge, *words], self.env, after=lambda: self.gone(*names))

    def virt_install(self):
        name, overlay = self.name(), self.bench.fresh(".qcow2")
        argv = [
            "virt-install",
            "--connect",
            self.libvirt.uri,
            "--import",
            "--name",
            name,
            "--memory",
            "256",
            "--vcpus",
            "1",
            "--virt-type",
            self.virt_type(),
            "--osinfo",
            "debian11",
            "--noautoconsole",
            "--graphics",
            "none",
            "--network",
            "network=default",
            "--disk",
            f"path={overlay},format=qcow2,backing_store={self.disk},backing_format=qcow2,size=2",
            "--disk",
            f"path={self.seed},format=raw,readonly=on,bus=virtio",
        ]
        return Command(argv, after=lambda: self.forget(name, overlay))

    def virsh(self):
        """The least a script could do: an overlay by qemu-img, the domain's XML written before."""
        name, overlay = self.name(), self.bench.fresh(".qcow2")
        xml = self.bench.fresh(".xml")
        with open(self.xml, encoding="utf-8") as source, open(xml, "w", encoding="utf-8") as out:
            keep = (line for line in source if "<uuid>" not in line and "<mac " not in line)
            out.write(
                "".join(keep)
                .replace("<name>b1<", f"<name>{name}<")
                .replace(f"{self.home}/instances/b1/disk.qcow2", overlay)
                .replace(f"{self.home}/instances/b1/seed.iso", self.seed)
                .replace(f"{self.home}/instances/b1", self.bench.folder)
            )
        script = 'qemu-img create -q -f qcow2 -b "$1" -F qcow2 "$2" && virsh -q -c "$3" define "$4" && virsh -q -c "$3" start "$5"'
        return Command(["sh", "-c", script, "virsh", self.disk, overlay, self.libvirt.uri, xml, name],
                       after=lambda: self.forget(name, overlay, xml))

    def forget(self, name, *files):
        self.libvirt.forget(name)
        for file in files:
            os.unlink(file)

    def virt_type(self):
        with open(self.xml, encoding="utf-8") as xml:
            return "kvm" if "type='kvm'" in xml.read() else "qemu"


def machine_cases(bench, libvirt):
    machines = Machines(bench, libvirt)
    what = "overlay, seed, definition, start"
    yield Case(
        "spawn/virt-install",
        what + " (the peer gets its seed for nothing)",
        machines.spawn,
        machines.virt_install,
        "virt-install --import",
        0.5,
        ("virt-install", "qemu-img"),
        9,
        ready=machines.ready,
    )
    yield Case(
        "spawn/virsh",
        what + " (the peer gets seed and XML for nothing)",
        machines.spawn,
        machines.virsh,
        "qemu-img + virsh define + start",
        None,
        ("virsh", "qemu-img"),
        9,
        ready=machines.ready,
    )
    yield Case(
        "spawn/50",
        "50 overlays, seeds and definitions, not started",
        lambda: machines.spawn("--no-start", count=50),
        goal=2.5,
        pairs=5,
        ready=machines.ready,
    )
