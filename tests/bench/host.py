# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the host that figures depend on."""
import os
import platform
import shutil
import subprocess
import time

VERSIONS = {
    "genisoimage": ["genisoimage", "--version"],
    "xorriso": ["xorriso", "-version"],
    "cloud-localds": ["dpkg-query", "-W", "-f", "cloud-image-utils ${Version}", "cloud-image-utils"],
    "virt-install": ["virt-install", "--version"],
    "virt-sysprep": ["virt-sysprep", "--version"],
    "libvirtd": ["libvirtd", "--version"],
    "qemu-img": ["qemu-img", "--version"],
    "qemu-system-x86_64": ["qemu-system-x86_64", "--version"],
    "grep": ["grep", "--version"],
    "isoinfo": ["isoinfo", "-version"],
    "cpio": ["cpio", "--version"],
}


def first_line(argv):
    if not shutil.which(argv[0]):
        return None
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()), None)


def file_line(path, start):
    with open(path, encoding="utf-8", errors="replace") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(start)), "?")


def file_system_of(folder):
    done = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE,SOURCE", "--target", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return " ".join(done.stdout.split()) or "?"


def load():
    return [round(value, 2) for value in os.getloadavg()]


def facts(imgforge, root, folder):
    revision = subprocess.run(
        ["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": file_line("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": file_line("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "distribution": platform.freedesktop_os_release().get("PRETTY_NAME", "?"),
        "kvm": os.access("/dev/kvm", os.R_OK | os.W_OK),
        "file_system": file_system_of(folder),
        "load": load(),
        "imgforge": {
            "binary": imgforge,
            "version": first_line([imgforge, "--version"]),
            "revision": revision.stdout.strip() or "?",
        },
        "tools": {name: version for name, argv in VERSIONS.items() if (version := first_line(argv))},
    }
