#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysprep and audit against virt-sysprep on libguestfs' phony guests (test-data/phony-guests, made by hand).

    phony_guests.py IMGFORGE [GUEST…]
        images lie in $IMGFORGE_PHONY_GUESTS; rows are appended to $IMGFORGE_PHONY_TABLE

For each guest, on copies: the dry run changes no byte; what virt-sysprep removes or empties, sysprep removes
or empties; what it rewrites, sysprep has rewritten or removed; nothing changes that the report does not name.
Windows and CoreOS are refused in one sentence.
"""
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time

FEDORA = ["/dev/VG/Root:/", "/dev/sda1:/boot", "/dev/VG/LV1:+", "/dev/VG/LV2:+", "/dev/VG/LV3:+"]
LUKS_ON_LVM = [
    "Root:FEDORA-Root",
    "Logical-Volume-1:FEDORA-LV1",
    "Logical-Volume-2:FEDORA-LV2",
    "Logical-Volume-3:FEDORA-LV3"]
# Per guest: its disks, its file systems (DEVICE:MOUNT POINT, + for a
# directory of its own), what is to be opened (DEVICE:PASSPHRASE).
GUESTS = {
    "debian": (["debian"], ["/dev/debian/root:/", "/dev/sda1:/boot", "/dev/debian/usr:/usr",
                            "/dev/debian/var:/var",
                            "/dev/debian/home:/home"], []),
    "ubuntu": (["ubuntu"], ["/dev/sda2:/", "/dev/sda1:/boot"], []),
    "fedora": (["fedora"], FEDORA, []),
    "fedora-btrfs": (["fedora-btrfs"],
                     ["btrfsvol:/dev/sda2/root:/", "/dev/sda1:/boot", "btrfsvol:/dev/sda2/home:/home"], []),
    "fedora-md": (["fedora-md1", "fedora-md2"], [FEDORA[0], "/dev/md/bootdev:/boot", *FEDORA[2:]], []),
    "fedora-lvm-on-luks": (["fedora-lvm-on-luks"], FEDORA, ["/dev/sda2:FEDORA"]),
    "fedora-luks-on-lvm": (["fedora-luks-on-lvm"],
                           ["/dev/mapper/open0:/", "/dev/sda1:/boot", "/dev/mapper/open1:+",
                            "/dev/mapper/open2:+", "/dev/mapper/open3:+"],
                           [f"/dev/Volume-Group/{volume}" for volume in LUKS_ON_LVM]),
    "archlinux": (["archlinux"], ["/dev/sda1:/"], []),
    "coreos": (["coreos"], None, []),
    "windows": (["windows"], None, []),
}
PEER_ENV = {"LIBGUESTFS_BACKEND": "direct"}
# virt-sysprep 1.48.2 ends with an error here: it deactivates volume groups whose volumes hold open containers.
PEER_FAILS_AT = {"fedora-luks-on-lvm": "lvm-uuids"}
# Both tools write these anew, each in its own way.
WRITTEN = {
    "/etc/machine-id",
    "/var/lib/systemd/random-seed",
    "/var/lib/random-seed",
    "/var/lib/urandom/random-seed"}


class Failure(Exception):
    """A promise that was not kept; the message says which."""


def run(words, env=None, stdin=None, deadline=900):
    """Runs a program and returns (exit code, stdout, stderr, seconds)."""
    start = time.monotonic()
    done = subprocess.run(words, env={**os.environ, **(env or {})}, input=stdin,
                          capture_output=True, text=True, timeout=deadline, check=False)
    return done.returncode, done.stdout, done.stderr, time.monotonic() - start


def checked(words, env=None, stdin=None):
    code, out, err, seconds = run(words, env, stdin)
    if code != 0:
        raise Failure(f"{words[0]} ended with {code}: {err.strip()[-600:]}")
    return out, seconds


def digest(paths):
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                total.update(block)
    return total.hexdigest()


def tree(disks, mounts, keys, folder):
    """Every file of the guest, read by an appliance: path → (type, mode, uid, gid, link, digest, size)."""
    lines = ["run"]
    for number, key in enumerate(keys):
        device, passphrase = key.split(":")
        # With --keys-from-stdin the passphrase is the line after the command.
        lines += [f"cryptsetup-open {device} open{number}", passphrase]
    if keys:
        lines += ["lvm-scan true"]
    spare = [mount for mount in mounts if mount.endswith(":+")]
    lines += [
        f"mount-ro {mount.rpartition(':')[0]} {mount.rpartition(':')[2]}"
        for mount in mounts if mount not in spare]
    archive = os.path.join(folder, "tree.tar")
    lines += [f"tar-out / {archive}", "umount-all"]
    for number, mount in enumerate(spare):
        lines += [f"mount-ro {mount.rpartition(':')[0]} /", f"tar-out / {archive}.{number}", "umount-all"]
    words = ["guestfish", "--keys-from-stdin", "--format=raw", "--ro"]
    for disk in disks:
        words += ["-a", disk]
    checked(words, PEER_ENV, "\n".join(lines) + "\n")
    files = {}
    for number in [None, *range(len(spare))]:
        name = archive if number is None else f"{archive}.{number}"
        files.update(members(name, "" if number is None else f"/+{number}"))
        os.unlink(name)
    return files


def members(archive, prefix):
    files = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = prefix + "/" + member.name.removeprefix("./").strip("/")
            content = hashlib.sha256(tar.extractfile(member).read()).hexdigest() if member.isreg() else ""
            files[path] = (
                member.type,
                member.mode,
                member.uid,
                member.gid,
                member.linkname,
                content,
                member.size)
    return files


def gone_or_empty(files, path):
    return path not in files or (files[path][0] == tarfile.REGTYPE and files[path][6] == 0)


def named(path, changes):
    """Whether the report names the path, a directory above it or something below it."""
    return any(path == change or path.startswith(change.rstrip("/") + "/")
               or change.startswith(path.rstrip("/") + "/") for change in changes)


def compare(before, ours, theirs, changes):
    """Returns (removed or emptied by virt-sysprep, the same by sysprep); raises where a promise is broken."""
    problems = []
    removed = [
        path for path in before if path not in theirs or (
            gone_or_empty(
                theirs,
                path) and not gone_or_empty(
                before,
                path))]
    problems += [
        f"virt-sysprep removes or empties {path}, sysprep leaves it"
        for path in removed if not gone_or_empty(ours, path)]
    rewritten = [
        path for path in before
        if path in theirs and path not in removed and theirs[path][5] != before[path][5]]
    problems += [f"virt-sysprep rewrites {path}, sysprep leaves it" for path in rewritten
                 if path not in WRITTEN and path in ours and ours[path][5] == before[path][5]]
    touched = sorted({path for path in before if ours.get(path) != before[path]} | {
                     path for path in ours if path not in before})
    # A directory's size is the file system's own affair.
    touched = [path for path in touched if not (
        path in before and path in ours and before[path][:6] == ours[path][:6])]
    problems += [
        f"sysprep changed {path} and does not say so" for path in touched if not named(
            path,
            changes)]
    if problems:
        raise Failure("; ".join(problems))
    mine = [
        path for path in before if path not in ours or (
            gone_or_empty(
                ours,
                path) and not gone_or_empty(
                before,
                path))]
    return removed + rewritten, mine, len(before) - len([path for path in touched if path in before])


def refused(imgforge, disk):
    code, out, err, seconds = run([imgforge, "sysprep", disk])
    said = [line for line in (out + err).splitlines() if line.startswith("imgforge:")]
    if code == 0 or len(said) != 1 or "not supported" not in said[0]:
        raise Failure(f"not refused in one sentence, exit code {code}: {(out + err).strip()[-600:]}")
    return f"refused: {said[0].removeprefix('imgforge: ')}", seconds


def copies(disks, folder, name):
    made = []
    for disk in disks:
        made.append(os.path.join(folder, f"{name}-{os.path.basename(disk)}"))
        checked(["cp", "--sparse=always", disk, made[-1]])
    return made


def peer_words(name, disks, keys):
    words = ["virt-sysprep", "--format", "raw"]
    if name in PEER_FAILS_AT:
        words += ["--operations", f"defaults,-{PEER_FAILS_AT[name]}"]
    for disk in disks:
        words += ["-a", disk]
    for key in keys:
        device, passphrase = key.split(":")
        words += ["--key", f"{device}:key:{passphrase}"]
    return words


def guest_row(imgforge, images, name, folder):
    """Runs one guest and returns its row of the table."""
    disks, mounts, keys = GUESTS[name]
    originals = [os.path.join(images, f"{disk}.img") for disk in disks]
    mine = copies(originals, folder, "ours")
    before_digest = digest(mine)
    if mounts is None:
        said, seconds = refused(imgforge, mine[0])
        if digest(mine) != before_digest:
            raise Failure("refused, but changed")
        return f"| {name} | {said} | | {seconds:.0f} s | | | |"
    peers = copies(originals, folder, "theirs")
    options = [word for disk in mine[1:] for word in ("--add", disk)]
    if keys:
        secret = os.path.join(folder, "passphrases")
        with open(secret, "w", encoding="utf-8") as text:
            text.write("".join(key.split(":")[1] + "\n" for key in keys))
        options += ["--passphrase-file", secret]
    _, dry = checked([imgforge, "sysprep", "--dry-run", "--json", *options, mine[0]])
    if digest(mine) != before_digest:
        raise Failure("the dry run changed the disk")
    report, own = checked([imgforge, "sysprep", "--json", *options, mine[0]])
    _, theirs = checked(peer_words(name, peers, keys), PEER_ENV)
    code, out, err, audit = run([imgforge, "audit", "--json", *options, mine[0]])
    if code not in (0, 5):
        raise Failure(f"audit ended with {code}: {err.strip()[-600:]}")
    findings = [one for one in json.loads(out)["findings"] if not one.get("waived")]
    changes = [change["path"] for operation in json.loads(
        report)["operations"] for change in operation["changes"]]
    trees = [tree(copy, mounts, keys, folder) for copy in (originals, mine, peers)]
    peer_list, own_list, kept = compare(*trees, changes)
    print(
        f"   virt-sysprep: {' '.join(sorted(peer_list)) or '-'}\n"
        f"   sysprep: {' '.join(sorted(own_list)) or '-'}\n"
        f"   findings: {[(one['rule'], one['path']) for one in findings]}")
    return (
        f"| {name} | {len(peer_list)} of {len(peer_list)} | {len(own_list)} "
        f"| {own:.0f} s : {theirs:.0f} s ({own / theirs:.2f}) | {dry:.0f} s, "
        f"identical | {audit:.0f} s, {len(findings)} findings | {kept} of {len(trees[0])} files equal |")


def main():
    images = os.environ.get("IMGFORGE_PHONY_GUESTS", "")
    missing = [
        tool for tool in (
            "guestfish",
            "virt-sysprep") if not any(
            os.access(
                os.path.join(
                    place,
                    tool),
                os.X_OK) for place in os.environ["PATH"].split(":"))]
    if not os.path.isdir(images) or missing:
        reason = "IMGFORGE_PHONY_GUESTS names no directory of images"
        print(f"SKIPPED: {missing[0] + ' is not installed' if missing else reason}")
        return 77
    if not os.access("/dev/kvm", os.W_OK) or os.environ.get("IMGFORGE_PHONY_TCG"):
        PEER_ENV["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg"
    imgforge, names = sys.argv[1], sys.argv[2:] or list(GUESTS)
    failed = 0
    for name in names:
        if not all(os.path.exists(os.path.join(images, f"{disk}.img")) for disk in GUESTS[name][0]):
            print(f"{name}: not in {images}")
            continue
        with tempfile.TemporaryDirectory(prefix="imgforge-phony-", dir="/var/tmp") as folder:
            try:
                row = guest_row(imgforge, images, name, folder)
            except (Failure, subprocess.TimeoutExpired) as error:
                failed += 1
                row = f"| {name} | FAILED: {error} | | | | | |"
        print(row, flush=True)
        if os.environ.get("IMGFORGE_PHONY_TABLE"):
            with open(os.environ["IMGFORGE_PHONY_TABLE"], "a", encoding="utf-8") as table:
                table.write(row + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
