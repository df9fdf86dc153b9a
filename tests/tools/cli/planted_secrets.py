#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets planted wherever a user may state one: the password of a URL, a chpasswd line, a seed's password, a
token of `secrets:`. After build, refresh, spawn and report no output has them, no record has them, and
another user who greps through all of $IMGFORGE_HOME finds none."""
import os, shutil, subprocess, sys

from scene import serve, work_as_two_users

PROGRAM = os.environ["IMGFORGE_BINARY"]
SECRETS = {"url": "planted-url-4711", "chpasswd": "planted-line-4712", "token": "planted-token-4713",
           "file": "planted-file-4714", "seed": "planted-seed-4715", "vendor": "planted-vendor-4716"}
OTHER = 61002
work = work_as_two_users("planted")
home = work / "home"
os.umask(0o022)
os.environ.update(
    IMGFORGE_HOME=str(home), IMGFORGE_IMMUTABLE="off", HOME=str(work), PLANTED_TOKEN=SECRETS["token"]
)
own = work / "own"  # what the user wrote, where others do not look
own.mkdir(mode=0o700)
faults = []


def check(what, holds, more=""):
    print("ok" if holds else "FAILED", what, more if not holds else "")
    if not holds:
        faults.append(what)


def run(*words, codes=(0,)):
    """Also holds all it prints against the secrets."""
    done = subprocess.run(
        [PROGRAM, *map(str, words)], capture_output=True, timeout=120, stdin=subprocess.DEVNULL, cwd=work
    )
    text = (done.stdout + done.stderr).decode(errors="replace")
    name = " ".join(map(str, words[:3]))
    check(f"{name} ends with {codes}", done.returncode in codes, text[-1500:])
    check(f"{name} prints no secret", not [s for s in SECRETS.values() if s in text], text[-1500:])


def write_inputs():
    disk = work / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    place = f"http://user:{SECRETS['url']}@127.0.0.1:{serve(disk).server_address[1]}"
    (own / "token.txt").write_text(SECRETS["file"] + "\n")
    (own / "planted.recipe").write_text(f"""name: planted
os: debian13
stages:
  - fetch: {{source: '{place}/disk.qcow2', as: disk}}
  - compact: {{}}
""")
    (own / "guest.recipe").write_text(f"""name: guest
os: debian13
secrets: {{token: {{env: PLANTED_TOKEN}}, other: {{file: token.txt}}}}
stages:
  - fetch: {{source: '{place}/disk.qcow2', as: disk}}
  - customize:
      run: ['echo root:{SECRETS["chpasswd"]} | chpasswd', 'use "${{secrets.token}}"']
      write: {{/etc/other: '${{secrets.other}}'}}
  - compact: {{}}
""")
    (own / "broken.recipe").write_text(f"""name: broken
os: debian13
stages:
  - fetch: {{source: '{place}/absent.qcow2', as: disk}}
  - customize: {{run: ['echo root:{SECRETS["chpasswd"]} | chpasswd']}}
"""
    )
    (own / "user-data").write_text(
        f"#cloud-config\npassword: {SECRETS['seed']}\nchpasswd: {{expire: false}}\n"
    )
    (own / "vendor-data").write_text(f"#cloud-config\nruncmd: ['echo root:{SECRETS['vendor']} | chpasswd']\n")
    return f"{place}/disk.qcow2"


def use(place):
    run("build", own / "planted.recipe", "--json", "--events", "--verbose")
    run("build", own / "planted.recipe", "--explain")
    run("images", "import", place, "--name", "planted", "--os", "debian13", "--json", "--events", "--verbose")
    for more in (
        ["--plan"],
        ["--plan", "--json"],
        ["--explain"],
        ["--until", "fetch", "--json", "--events", "--verbose"],
    ):
        run("build", own / "guest.recipe", *more)
    run("build", own / "broken.recipe", "--json", "--events", "--verbose", codes=(1,))
    for words in (["refresh", "planted", "--json", "--events", "--verbose"], ["refresh", "--all"]):
        run(*words, codes=(0, 3))  # without a recipe it says where the image came from
    for name in ("web-1", "web-2"):
        run(
            "spawn",
            "planted",
            name,
            "--no-start",
            "--user-data",
            own / "user-data",
            "--vendor-data",
            own / "vendor-data",
            "--json",
            "--events",
            "--verbose",
        )
    run("spawn", "planted", "web-3", "--print", "libvirt", "--user-data", own / "user-data")
    for words in (
        ["list", "--json"],
        ["show", "web-1"],
        ["show", "web-1", "--json"],
        ["images", "show", "planted", "--json"],
        ["report", "--output", work / "run.html"],
        ["report", "--json"],
        ["report", "--site", work / "site"],
    ):
        run(*words)


def search():
    patterns = [word for secret in SECRETS.values() for word in ("-e", secret)]

    def become():
        os.setgroups([])
        os.setgid(OTHER)
        os.setuid(OTHER)

    everywhere = ["grep", "-r", "-a", "-l", *patterns, str(home), str(work / "site"), str(work / "run.html")]
    found = subprocess.run(everywhere, capture_output=True, text=True, preexec_fn=become)
    check("another user's grep finds nothing", found.stdout == "", found.stdout)
    listed = subprocess.run(
        ["find", str(home), "-type", "f"], capture_output=True, text=True, preexec_fn=become
    )
    check("another user sees the store at all", "manifest.json" in listed.stdout, listed.stderr[-500:])
    found = subprocess.run(everywhere, capture_output=True, text=True).stdout.splitlines()
    seeds = [name for name in found if name.startswith(str(home / "instances")) and name.endswith("seed.iso")]
    check("the owner's holds them in the machines' seeds alone", len(seeds) == 2 and len(found) == 2, found)
    check(
        "no name of a file has one",
        not [p for p in home.rglob("*") if any(s in p.name for s in SECRETS.values())],
    )


try:
    use(write_inputs())
    search()
finally:
    subprocess.run([PROGRAM, "destroy", "--yes", "web-1", "web-2"], capture_output=True)
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if faults else 0)
