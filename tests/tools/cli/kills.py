#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments of import, push, pull, set and snapshot, with all their children: the next
commands list, clean up and verify a store in which nothing is half and nothing of the user's is lost.
IMGFORGE_KILLS: how many (default: a few of each); IMGFORGE_SEED replays a run."""
import json, os, pathlib, random, shutil, signal, subprocess, sys, tempfile, time

PROGRAM = os.environ["IMGFORGE_BINARY"]
KILLS = int(os.environ.get("IMGFORGE_KILLS", "10"))
random.seed(int(os.environ.get("IMGFORGE_SEED", "7")))
for tool in ("qemu-img", "qemu-io", "qemu-system-x86_64"):
    if not shutil.which(tool):
        print(tool, "is not installed")
        sys.exit(77)
work = pathlib.Path(tempfile.mkdtemp(prefix="imgforge-kills-", dir=os.environ.get("TMPDIR", "/var/tmp")))
home, other = work / "home", work / "other"
os.environ.update(IMGFORGE_IMMUTABLE="off", HOME=str(work))
faults, killed, finished = [], 0, 0
spans = {}  # how long each command takes when it is left alone, as far as seen


def command(*words, at=home):
    return {"args": [PROGRAM, *map(str, words)], "env": dict(os.environ, IMGFORGE_HOME=str(at)),
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def run(*words, at=home):
    return subprocess.run(**command(*words, at=at), timeout=120)


def check(what, done):
    if done.returncode != 0:
        faults.append(what)
        print("FAILED", what, done.returncode, (done.stdout + done.stderr).decode(errors="replace")[-1500:])
    return done


def kill_within(seconds, *words, at=home):
    """The command in a process group of its own, which ends at a random moment of its life, first taken to be
    `seconds`."""
    global killed, finished
    started = time.monotonic()
    victim = subprocess.Popen(**command(*words, at=at), start_new_session=True)
    kind = words[:2] if words[0] == "images" else words[0]
    try:
        victim.communicate(timeout=random.uniform(0, spans.get(kind, seconds)))
        finished += 1
        spans[kind] = time.monotonic() - started
    except subprocess.TimeoutExpired:
        killed += 1
    try:
        os.killpg(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    victim.communicate()


def sound(what, at=home):
    check(f"{what}: images list", run("images", "list", at=at))
    check(f"{what}: images verify", run("images", "verify", at=at))
    check(f"{what}: list", run("list", at=at))
    check(f"{what}: cleanup", run("cleanup", at=at))
    check(f"{what}: images gc", run("images", "gc", at=at))
    left = [str(p.relative_to(at)) for p in (at / "images").glob("*/.*")
            if not p.name.endswith(".lock")] if at.exists() else []
    if left:
        faults.append(f"{what}: left {left}")
        print("FAILED", faults[-1])


def make_disk(name, byte):
    disk = work / name
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", f"write -P {byte} 0 24M", disk],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return disk


def machine():
    """The only machine; its disk has a pattern that nothing may lose."""
    found = json.loads(check("list the machine", run("list", "--json")).stdout)["machines"]
    disk = found[0]["disk"]["path"]
    read = subprocess.run(
        ["qemu-io", "-r", "-f", "qcow2", "-c", "read -P 0x5a 32M 64k", disk], capture_output=True
    )
    if read.returncode != 0 or b"failed" in read.stdout:
        faults.append("the machine's data is lost")
        print("FAILED", faults[-1], read.stdout, read.stderr)
    return found[0], disk


def kill_import(turn):
    disk = make_disk("next.qcow2", 1 + turn % 200)
    kill_within(0.5, "images", "import", disk, "--name", "taken")
    sound("import")


def kill_push(_):
    kill_within(0.6, "images", "push", "base", work / "folder")
    sound("push")
    check("push after a kill", run("images", "push", "base", work / "folder"))


def kill_pull(_):
    kill_within(
        0.6, "images", "pull", str(work / "folder") + "/base", "--key", home / "signing" / "key.pem", at=other
    )
    sound("pull", at=other)
    shutil.rmtree(other, ignore_errors=True)


def kill_set(turn):
    kill_within(
        1.5,
        "set",
        "web-1",
        "--memory",
        f"{256 + turn % 2 * 256}M",
        "--disk",
        f"{65 + turn}M",
        "--comment",
        f"turn {turn}",
    )
    sound("set")
    machine()
    check("set after a kill", run("set", "web-1", "--disk", f"{65 + turn}M", "--comment", "afterwards"))
    machine()


def kill_snapshot(turn):
    kill_within(1.5, "snapshot", "web-1", f"s{turn}")
    sound("snapshot")
    one, disk = machine()
    for name in one["snapshots"]:
        check("restore", run("restore", "web-1", name, "--yes"))
        check("delete", run("snapshots", "web-1", "--delete", name))
    held = subprocess.run(["qemu-img", "snapshot", "-l", disk], capture_output=True, text=True).stdout
    if held.strip():
        faults.append("a snapshot that nobody knows")
        print("FAILED", faults[-1], held)
    machine()


def main():
    check("import", run("images", "import", make_disk("base.qcow2", 3), "--name", "base", "--os", "debian13"))
    check("push", run("images", "push", "base", work / "folder"))
    check("spawn", run("spawn", "base", "web-1", "--no-start", "--connect", "embedded"))
    disk = json.loads(run("list", "--json").stdout)["machines"][0]["disk"]["path"]
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 32M 64k", disk], check=True, stdout=subprocess.DEVNULL
    )
    kinds = [kill_import, kill_push, kill_pull, kill_set, kill_snapshot]
    turn = 0
    while killed < KILLS and turn < 5 * KILLS and len(faults) < 6:
        kinds[turn % len(kinds)](turn)
        turn += 1
    print(f"{killed} killed, {finished} were done before, {len(faults)} faults")


try:
    main()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if faults else 0)
