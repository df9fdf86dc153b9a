# SPDX-License-Identifier: GPL-3.0-or-later
"""A store worth looking at: several generations of two images with packages that change, and the records of a
build that ended well, of one that failed in the installer, and of one whose checks failed."""
import json
import os
import subprocess


def packages(generation):
    listed = [
        {
            "name": f"package-{number:03}",
            "version": f"1.{number % 7}-{1 + (number + generation) // 40}",
            "architecture": "amd64",
        }
        for number in range(180 + 3 * generation)
    ]
    listed.append(
        {"name": "openssl", "version": f"3.5.{generation}-1~deb13u{generation}", "architecture": "amd64"}
    )
    listed.append(
        {
            "name": "linux-image-6.12.94+deb13-cloud-amd64-with-a-name-that-goes-on",
            "version": "6.12.94-1",
            "architecture": "amd64",
        }
    )
    return {
        "known": True,
        "format": "deb",
        "distribution": "debian",
        "release": "debian-13",
        "packages": listed,
    }


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def published(imgforge, home, work, name, count):
    for generation in range(1, count + 1):
        disk = work / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "10G"], check=True)
        subprocess.run(
            ["qemu-io", "-f", "qcow2", "-c", f"write -P {generation} 0 {generation + 2}M", disk],
            check=True,
            capture_output=True,
        )
        imgforge("images", "import", disk, "--name", name, "--os", "debian13")
        disk.unlink()
        folder = home / "images" / name / str(generation)
        os.chmod(folder, 0o755)
        (folder / "packages.json").unlink(missing_ok=True)
        write(folder / "packages.json", packages(generation))
        (folder / "audit.json").unlink(missing_ok=True)
        write(
            folder / "audit.json",
            {
                "clean": True,
                "findings": [
                    {
                        "rule": "site:tls-key",
                        "path": "/etc/ssl/private/ours.key",
                        "waived": True,
                        "reason": "the key of the test server, meant to be there",
                    }
                ],
            },
        )


def stages(*rows):
    return [
        {
            "name": name,
            "type": name,
            "verdict": verdict,
            "reason": reason,
            "seconds": seconds,
            "fingerprint": "7d66cb24" * 8,
        }
        for name, verdict, reason, seconds in rows
    ]


def plant(imgforge, home, work):
    published(imgforge, home, work, "debian13", 4)
    published(imgforge, home, work, "company-database-with-a-long-name-bookworm", 1)
    disk = home / "images/debian13/4/disk.qcow2"
    good = {
        "recipe": "debian13",
        "generation": 4,
        "run": "20261128-021500-debian13-aaaa",
        "image": {
            "name": "debian13",
            "path": str(disk),
            "sha256": "9d51056b" * 8,
            "virtual_size": 10 << 30,
            "allocated_size": 196 << 20,
        },
        "stages": stages(
            ("install", "reuse", "nothing changed", 0),
            ("customize", "run", "option packages changed: [vim] -> [vim, git]", 61.2),
            ("sysprep", "run", "the stage before changed", 27.5),
            ("audit", "run", "the stage before changed", 46.9),
            ("compact", "run", "the stage before changed", 3.5),
            ("publish", "run", "the stage before changed", 3.3),
            ("verify", "run", "the stage before changed", 88),
            ("spawn", "run", "the stage before changed", 154),
        ),
        "verify": {
            "checks": [
                {"name": "service ssh is active", "ok": True, "seconds": 0.4, "output": ""},
                {"name": "the page is ours", "ok": True, "seconds": 1.1, "output": "Welcome\n"},
            ]
        },
    }
    write(home / "runs" / good["run"] / "record.json", good)
    failed = {
        "recipe": "web",
        "run": "20261128-031500-web-bbbb",
        "generation": None,
        "image": None,
        "error": "the installer waits at \"Root password:\" (step user-setup, after 6m51s): the installer asks for the root password\n"
        "  in stage 'install' (/srv/recipes/a-directory-with-a-rather-long-name/web.recipe:13)\n"
        "  try: give a hashed one, or switch root's login off with passwd/root-login",
        "stages": stages(
            ("install", "run", "never ran", 411),
            ("sysprep", "run", "never ran", 0),
            ("publish", "run", "never ran", 0),
        ),
    }
    folder = home / "runs" / failed["run"]
    write(folder / "record.json", failed)
    steps = [
        "Detecting the installation medium",
        "Loading installer components",
        "Configuring the network",
        "Partitioning",
    ]
    write(
        folder / "install/progress.json",
        [{"second": 10.0 * n, "percent": 0.6 * n, "step": steps[n // 10]} for n in range(40)],
    )
    write(
        folder / "install/console.txt",
        "".join(f"[{n:5}.000000] a line of the console with {'words ' * 14}\n" for n in range(40))
        + "Root password:\n",
    )
