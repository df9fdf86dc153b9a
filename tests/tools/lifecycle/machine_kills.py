#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments of set, forward, snapshot (disk; disk and memory), clone and lab up, on a
libvirtd of the test's own. After each: one cleanup, and a second one that finds nothing; every machine is
there with its data; its record, its directory and libvirt say the same; the same command succeeds.
IMGFORGE_KILLS: how many (default: two of each kind); IMGFORGE_SEED replays a run."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "bench"))
from private_libvirt import PrivateLibvirt, missing  # noqa: E402

PROGRAM = os.environ["IMGFORGE_BINARY"]
KILLS = int(os.environ.get("IMGFORGE_KILLS", "14"))
SEED = int(os.environ.get("IMGFORGE_SEED", "7"))
random.seed(SEED)
lacks = missing() or next((tool for tool in ("qemu-img", "qemu-io", "qemu-system-x86_64", "ip")
                           if not shutil.which(tool)), None)
if lacks:
    print(lacks, "(needed here)")
    sys.exit(77)
work = pathlib.Path(tempfile.mkdtemp(prefix="imgforge-machine-kills-", dir="/var/tmp"))
home = work / "home"
killed, finished = 0, 0
spans = {}  # seconds that each kind of command takes when it is left alone, as far as seen


class Lost(Exception):
    """Something that must hold does not."""


def run(*words, good=True, timeout=120):
    done = subprocess.run([PROGRAM, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout, check=False)
    if good and done.returncode != 0:
        said = (done.stdout + done.stderr)[-1500:]
        raise Lost(f"{' '.join(map(str, words))} ends with {done.returncode}: {said}")
    return done


def answer(*words):
    return json.loads(run(*words, "--json").stdout)


def kill_within(kind, *words):
    """The command in a process group of its own, which ends at a random moment of its life. True when it was
    killed."""
    global killed, finished
    started = time.monotonic()
    victim = subprocess.Popen([PROGRAM, *map(str, words)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True)
    try:
        victim.wait(random.uniform(0, spans.get(kind, 1.0)))
        spans[kind] = time.monotonic() - started
        finished += 1
        dead = False
    except subprocess.TimeoutExpired:
        killed += 1
        dead = True
    try:
        os.killpg(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    victim.wait()
    return dead


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def io(disk, command, *more):
    done = subprocess.run(["qemu-io", *more, "-f", "qcow2", "-c", command, disk], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0 or "failed" in done.stdout:
        raise Lost(f"{command} of {disk}: {done.stdout}{done.stderr}")


def snapshots_inside(disk):
    text = subprocess.run(["qemu-img", "snapshot", "-U", "-l", disk], capture_output=True, text=True,
                          check=True).stdout
    return sorted(line.split()[1] for line in text.splitlines() if re.match(r"\d+\s", line))


class World:
    """What the machines of the test are, and how to find out whether it is still so."""

    def __init__(self, libvirt):
        self.libvirt = libvirt
        self.states = {"off": "shut off", "on": "running", "port": "running"}
        run("images", "import", self.disk(), "--name", "base", "--os", "debian13")
        run("spawn", "base", "off", "--no-start", "--wait", "none", "--network", "nat")
        run("spawn", "base", "on", "--memory", "96M", "--vcpus", "2", "--wait", "none", "--no-start",
            "--network", "nat")
        run("spawn", "base", "port", "--memory", "64M", "--wait", "none", "--no-start", "--network", "user")
        for name in self.states:
            io(self.machines()[name]["disk"]["path"], "write -P 0x5a 32M 64k")
        for name in ("on", "port"):
            run("start", name)

    @staticmethod
    def disk():
        disk = work / "base.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
        io(disk, "write -P 3 0 8M")
        return disk

    @staticmethod
    def machines():
        return {one["name"]: one for one in answer("list")["machines"]}

    def virsh(self, *words):
        done = self.libvirt.virsh(*words)
        if done.returncode != 0:
            raise Lost(f"virsh {' '.join(words)}: {done.stderr}")
        return done.stdout

    def check_killed(self, *names):
        """After a kill: one cleanup settles everything, a second finds nothing."""
        first = answer("cleanup")
        if first["problems"]:
            raise Lost(f"cleanup: {first['problems']}")
        again = answer("cleanup")
        if any(again[key] for key in ("forgotten", "removed", "settled", "adopted", "problems")):
            raise Lost(f"the second cleanup finds {again}")
        self.check(*names)

    def check(self, *names):
        """All machines are there, as they were; those named are looked at closely."""
        machines = self.machines()
        for name, state in self.states.items():
            if name not in machines or machines[name]["state"] != state:
                raise Lost(f"machine {name} is {machines.get(name, {}).get('state', 'lost')}, not {state}")
        domains = sorted(self.virsh("list", "--all", "--name").split())
        if domains != sorted(machines):
            raise Lost(f"libvirt has {domains}, the store {sorted(machines)}")
        for name in (name for name in names if name in machines):
            self.check_machine(name, machines[name])

    def check_machine(self, name, one):
        folder = home / "instances" / name
        record = json.loads((folder / "instance.json").read_text())
        definition = self.virsh("dumpxml", "--inactive", name)
        kib = [int(x) for x in re.findall(r"<(?:memory|currentMemory) unit='KiB'>(\d+)<", definition)]
        if set(kib) != {record["memory"] // 1024}:
            raise Lost(f"{name}: {kib} KiB in libvirt, {record['memory']} bytes on record")
        if int(re.search(r"<vcpu[^>]*>(\d+)<", definition).group(1)) != record["vcpus"]:
            raise Lost(f"{name}: other CPUs in libvirt than {record['vcpus']}")
        files = {record["disk"]["path"], record["seed"], *(disk["path"] for disk in record["data_disks"])}
        sources = set(re.findall(r"<source file='([^']*)'", definition))
        defined = sources & {str(path) for path in folder.iterdir()} - {str(folder / "console.log")}
        if defined != files:
            raise Lost(f"{name}: {defined} in libvirt, {files} on record")
        known = {"instance.json", "domain.xml", "console.log", "console.sock", "known_hosts",
                 *(pathlib.Path(file).name for file in files)}
        strangers = {path.name for path in folder.iterdir()} - known
        if strangers:
            raise Lost(f"{name}: {strangers} left in its directory")
        for port in record["published"]:
            if f"{port['address']}:{port['host_port']}-:{port['guest_port']}" not in definition:
                raise Lost(f"{name}: port {port} is not in libvirt")
        changes = answer("show", name)["machines"][0]["changes"]
        if changes:
            raise Lost(f"{name}: record and domain differ: {changes}")
        io(record["disk"]["path"], "read -P 0x5a 32M 64k" if not name.startswith("lab")
           else "read -P 3 0 64k", "-r", "-U")
        self.check_snapshots(name, record["disk"]["path"], one)

    def check_snapshots(self, name, disk, one):
        """libvirt may still be at the snapshot that a killed command asked for."""
        deadline = time.monotonic() + 60
        while True:
            inside = snapshots_inside(disk)
            listed = sorted(self.virsh("snapshot-list", "--name", name).split())
            shown = sorted(one["snapshots"])
            if inside == listed == shown:
                return
            if time.monotonic() > deadline:
                raise Lost(f"{name}: snapshots {inside} in its disk, {listed} in libvirt, {shown} shown")
            time.sleep(0.2)
            one = self.machines()[name]


def kill_set(world, turn, name):
    words = ["set", name, "--memory", f"{64 + turn % 2 * 32}M", "--vcpus", 1 + turn % 2, "--disk",
             f"{65 + turn}M", "--data-disk", "1M",
             "--comment", f"turn {turn}"]
    kill_within(f"set {name}", *words)
    world.check_killed(name)
    run(*words)
    if turn > 0 and turn % 4 == 0 and world.states[name] == "shut off":  # else it would have 26 disks one day
        run("destroy", name, "--yes", "--forget")
        run("spawn", "base", name, "--no-start", "--wait", "none", "--network", "nat")
        io(world.machines()[name]["disk"]["path"], "write -P 0x5a 32M 64k")
    world.check(name)


def kill_set_off(world, turn):
    kill_set(world, turn, "off")


def kill_set_on(world, turn):
    """Hot: memory by the balloon, CPUs, a disk that is plugged in."""
    kill_set(world, turn, "on")
    if turn > 0 and turn % 3 == 0:
        run("destroy", "on", "--yes", "--forget")
        run("spawn", "base", "on", "--memory", "96M", "--vcpus", "2", "--wait", "none", "--no-start",
            "--network", "nat")
        io(world.machines()["on"]["disk"]["path"], "write -P 0x5a 32M 64k")
        run("start", "on")


def kill_forward(world, turn):
    words = ["forward", "port", f"{free_port()}:80"]
    kill_within("forward", *words)
    world.check_killed("port")
    run(*words)
    world.check("port")
    back = [*words, "--remove"]
    kill_within("forward back", *back)
    world.check_killed("port")
    done = run(*back, good=False)
    if done.returncode != 0 and "does not publish" not in done.stderr:
        raise Lost(f"forward --remove: {done.stderr}")
    world.check("port")


def kill_snapshot(world, turn, name):
    words = ["snapshot", name, f"s{turn}"]
    kill_within(f"snapshot {name}", *words)
    world.check_killed(name)
    if f"s{turn}" not in world.machines()[name]["snapshots"]:
        run(*words)
        world.check(name)
    run("restore", name, f"s{turn}", "--yes")
    run("snapshots", name, "--delete", f"s{turn}")
    world.check(name)


def kill_snapshot_off(world, turn):
    kill_snapshot(world, turn, "off")


def kill_snapshot_on(world, turn):
    kill_snapshot(world, turn, "on")


def kill_clone(world, turn):
    words = ["clone", "off", "copy", "--keep-identity", "--no-start"]
    kill_within("clone", *words)
    world.check_killed("off", "copy")
    machines = world.machines()
    if "copy" not in machines:
        run(*words)
        machines = world.machines()
        world.check("copy")
    for key in ("uuid", "instance_id", "host_keys"):
        if machines["copy"][key] == machines["off"][key]:
            raise Lost(f"the clone has the {key} of its origin")
    run("destroy", "copy", "--yes", "--forget")


def kill_lab(world, turn):
    """Made, and changed where it is there already."""
    file = work / "lab.yaml"
    machine = f"{{image: base, memory: {64 + turn % 2 * 8}M, networks: [inner], wait: none, comment: turn {turn}}}"
    file.write_text(f"lab: shop\nnetworks:\n  inner: {{isolated: true}}\nmachines:\n  lab-a: {machine}\n  lab-b: {machine}\n", encoding="utf-8")
    for _ in range(2):
        kill_within("lab up", "lab", "up", file)
        world.check_killed("lab-a", "lab-b")
    run("lab", "up", file)
    steps = answer("lab", "up", file)["steps"]
    if {step["did"] for step in steps} != {"unchanged"}:
        raise Lost(f"a second lab up does {steps}")
    world.check("lab-a", "lab-b")
    if turn % 2:
        run("lab", "down", file, "--yes")
        if "shop" in world.virsh("net-list", "--all", "--name"):
            raise Lost("lab down leaves the network")
        world.check()


KINDS = [kill_set_off, kill_set_on, kill_forward, kill_snapshot_off, kill_snapshot_on, kill_clone, kill_lab]


def main():
    os.environ.update(IMGFORGE_IMMUTABLE="off", HOME=str(work), IMGFORGE_HOME=str(home))
    (work / ".config" / "imgforge").mkdir(parents=True)
    (work / ".config" / "imgforge" / "config.yaml").write_text("acceleration: tcg\n", encoding="utf-8")
    os.environ.pop("XDG_CONFIG_HOME", None)
    os.chmod(work, 0o755)
    counts = {}
    begun = time.monotonic()
    with PrivateLibvirt(str(work)) as libvirt:
        os.environ["LIBVIRT_DEFAULT_URI"] = libvirt.uri
        world = World(libvirt)
        world.check_killed("off", "on", "port")
        print(f"ready after {time.monotonic() - begun:.0f} s", flush=True)
        step = 0
        while killed < KILLS and step < 5 * KILLS:
            kind = KINDS[step % len(KINDS)]
            before = killed
            try:
                kind(world, step // len(KINDS))
            except Lost as lost:
                print(f"FAILED: {kind.__name__}, step {step} of seed {SEED}: {lost}")
                return 1
            counts[kind.__name__] = counts.get(kind.__name__, 0) + killed - before
            step += 1
            print(f"{time.monotonic() - begun:4.0f} s: {kind.__name__}, {killed} killed", flush=True)
    print(f"{killed} killed, {finished} were done before: {counts}; nothing was lost")
    return 0 if killed >= KILLS else 1


try:
    status = main()
finally:
    if os.environ.get("IMGFORGE_KEEP_WORK"):
        print("kept:", work)
    else:
        shutil.rmtree(work, ignore_errors=True)
sys.exit(status)
