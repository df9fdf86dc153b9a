# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured. Each case gives two functions that prepare a command and return (argv, extra environment)."""
import dataclasses
import itertools
import os
import subprocess
import typing

counter = itertools.count()


@dataclasses.dataclass
class Case:
    name: str
    what: str
    ours: typing.Callable
    peer: typing.Optional[typing.Callable] = None
    peer_name: str = ""
    goal: typing.Optional[float] = None  # ratio with a peer, seconds without
    needs: tuple = ()
    slow: bool = False
    pairs: int = 0


def fresh(folder, suffix=""):
    return os.path.join(folder, f"f{next(counter)}{suffix}")


def seeds(imgforge, folder):
    user = os.path.join(folder, "user-data")
    meta = os.path.join(folder, "meta-data")
    open(user, "w").write("#cloud-config\npackage_update: false\n")
    open(meta, "w").write("instance-id: i-1\nlocal-hostname: web-1\n")

    def ours():
        return [imgforge, "seed", "create", "--name", "web-1", "--instance-id", "i-1", "--user-data", user, "--output", fresh(folder, ".iso")], {}

    def genisoimage():
        return ["genisoimage", "-quiet", "-output", fresh(folder, ".iso"), "-volid", "cidata", "-joliet", "-rock", user, meta], {}

    def cloud_localds():
        return ["cloud-localds", fresh(folder, ".iso"), user, meta], {}

    def xorriso():
        return ["xorriso", "-as", "genisoimage", "-quiet", "-output", fresh(folder, ".iso"), "-volid", "cidata", "-joliet", "-rock", user, meta], {}

    yield Case("seed/genisoimage", "seed ISO", ours, genisoimage, "genisoimage", 1.0, ("genisoimage",), pairs=31)
    yield Case("seed/cloud-localds", "seed ISO", ours, cloud_localds, "cloud-localds", 0.25, ("cloud-localds",), pairs=31)
    yield Case("seed/xorriso", "seed ISO", ours, xorriso, "xorriso", None, ("xorriso",), pairs=15)


def media(imgforge, folder, root):
    iso = os.path.join(root, "..", "shared", "media", "debian-13-netinst-amd64.iso")
    if not os.path.exists(iso):
        return

    def ours():
        return [imgforge, "media", "probe", iso, "--json"], {}

    yield Case("probe/isoinfo", "recognise an installer ISO", ours, lambda: (["isoinfo", "-d", "-R", "-f", "-i", iso], {}), "isoinfo -d -f", None, ("isoinfo",))
    yield Case("probe/xorriso", "recognise an installer ISO", ours,
               lambda: (["xorriso", "-indev", iso, "-pvd_info", "-find", "/.disk", "-exec", "lsdl"], {}), "xorriso -find", None, ("xorriso",))


def audit(imgforge, folder):
    disk = os.path.join(folder, "noise.raw")

    def prepare():
        if not os.path.exists(disk):
            subprocess.run(["dd", "if=/dev/urandom", f"of={disk}", "bs=1M", "count=512", "status=none"], check=True)

    def ours():
        prepare()
        return ["sh", "-c", f"{imgforge} audit {disk} --format raw --host-only --quiet >/dev/null; test $? -le 5"], {}

    def grep():
        prepare()
        return ["sh", "-c", f"grep -c -a -F -e 'PRIVATE KEY-----' -e openssh-key-v1 -e AKIA -e ghp_ {disk} >/dev/null; test $? -le 1"], {}

    yield Case("audit/grep", "byte scan of 512 MiB", ours, grep, "grep -F with 4 words", None, ("grep",), pairs=3)


def machines(imgforge, folder, image_home):
    """Needs a store with a current generation of debian13 (IMGFORGE_BENCH_HOME)."""
    if not image_home:
        return
    disk = subprocess.run([imgforge, "images", "show", "debian13", "--json"], env={**os.environ, "IMGFORGE_HOME": image_home}, capture_output=True, text=True, check=False)
    if disk.returncode != 0:
        return
    env = {"IMGFORGE_HOME": image_home}
    prefix = f"bench{os.getpid()}"

    def fifty():
        return [imgforge, "spawn", "debian13", f"{prefix}x{next(counter)}-{{n}}", "--count", "50", "--no-start", "--wait", "none", "--quiet"], env

    yield Case("spawn/50", "50 overlays, seeds and definitions, not started", fifty, goal=2.5, pairs=3)
    yield Case("list", "list of all machines of the store", lambda: ([imgforge, "list", "--json"], env), goal=0.3, pairs=5)
    yield Case("images verify", "re-hash the store", lambda: ([imgforge, "images", "verify"], env), pairs=3)


def sysprep(imgforge, folder):
    source = os.environ.get("IMGFORGE_BENCH_DISK")
    if not source:
        return
    copies = itertools.count()

    def copy():
        target = os.path.join(folder, f"copy{next(copies) % 2}.qcow2")
        if os.path.exists(target):
            os.unlink(target)
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", source, target], check=True)
        return target

    def ours():
        return [imgforge, "sysprep", copy(), "--quiet"], {}

    def peer():
        return ["virt-sysprep", "--format", "qcow2", "-a", copy()], {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}

    yield Case("sysprep/virt-sysprep", "clean a golden image", ours, peer, "virt-sysprep -a", 0.8, ("virt-sysprep",), slow=True, pairs=3)


def all_cases(imgforge, folder, root):
    yield Case("start", "the program's own start", lambda: ([imgforge, "--version"], {}), pairs=31)
    yield from seeds(imgforge, folder)
    yield from media(imgforge, folder, root)
    yield from audit(imgforge, folder)
    yield from machines(imgforge, folder, os.environ.get("IMGFORGE_BENCH_HOME"))
    yield from sysprep(imgforge, folder)
