#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read and write what in $IMGFORGE_HOME: secrets of a recipe are nowhere in the clear, other users
read nothing, members of a group share a store, readers read, and a full disk still lets go of what is on
it."""
import json, os, pathlib, shutil, stat, subprocess, sys

from scene import serve, work_as_two_users

PROGRAM = os.environ["IMGFORGE_BINARY"]
SECRET = "planted-hunter2"
work = work_as_two_users("rights")
faults = []
FIRST, SECOND, GROUP = 61001, 61002, 61100


def check(what, holds, more=""):
    print("ok" if holds else "FAILED", what, more if not holds else "")
    if not holds:
        faults.append(what)


def reachable():
    """The programs, where other users can start them: a checkout below /root is closed to them."""
    global PROGRAM
    if (
        subprocess.run(
            ["setpriv", f"--reuid={FIRST}", f"--regid={GROUP}", "--clear-groups", "test", "-x", PROGRAM],
            check=False,
        ).returncode
        == 0
    ):
        return
    built = pathlib.Path(PROGRAM).parent
    (work / "bin").mkdir()
    for program in (built / "imgforge", built.parent / "virt" / "imgforge-machine"):
        shutil.copy2(program, work / "bin")
    source = pathlib.Path(__file__).resolve().parents[3]
    for part in ("builder", "pipelines", "seeds", "sysprep", "templates"):
        shutil.copytree(source / part, work / "data" / part, ignore=shutil.ignore_patterns("*.cpp", "*.hpp"))
    PROGRAM = str(work / "bin" / "imgforge")
    os.environ["IMGFORGE_DATA"] = str(work / "data")


def run(*words, home, user=None, env=None):
    """As another user, a member of GROUP, in a process of its own."""
    def become():
        if user is not None:
            os.setgroups([GROUP])
            os.setgid(user)
            os.setuid(user)
        os.umask(0o022)

    full = dict(
        os.environ, IMGFORGE_HOME=str(home), IMGFORGE_IMMUTABLE="off", HOME=str(work), TMPDIR="/tmp"
    ) | (env or {})
    return subprocess.run(
        [PROGRAM, *map(str, words)],
        env=full,
        preexec_fn=become,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        stdin=subprocess.DEVNULL,
        cwd=work,
    )


def modes(home):
    return {str(p.relative_to(home)): stat.S_IMODE(p.stat().st_mode) for p in home.rglob("*") if p.is_file()}


def recipe(name, fetch):
    file = work / f"{name}.recipe"
    file.write_text(f"name: {name}\nos: debian13\nstages:\n  - fetch: {fetch}\n  - compact: {{}}\n")
    file.chmod(0o644)
    return file


def secrets():
    home = work / "private"
    disk = work / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    server = serve(disk)
    place = f"http://user:{SECRET}@127.0.0.1:{server.server_address[1]}"
    good = run("build", recipe("good", f"{{source: '{place}/disk.qcow2', as: disk}}"), "--json", home=home)
    check("a build from a URL with a password", good.returncode == 0, good.stderr[-500:])
    bad = run(
        "build",
        recipe("bad", f"{{source: '{place}/absent.qcow2', as: disk}}"),
        "--verbose",
        "--json",
        home=home,
    )
    check("a missing file fails", bad.returncode != 0)
    explain = run("build", work / "good.recipe", "--explain", home=home)
    said = "".join(r.stdout + r.stderr for r in (good, bad, explain))
    check("no output has the password", SECRET not in said)
    hits = [
        str(p)
        for p in home.rglob("*")
        if SECRET in p.name or (p.is_file() and SECRET.encode() in p.read_bytes())
    ]
    check("no file has the password", not hits, hits)
    private = {
        n: m for n, m in modes(home).items() if n.startswith("state.db") or n.endswith((".lock", ".log"))
    }
    check(
        "database, locks and logs are the owner's alone",
        private and not any(m & 0o077 for m in private.values()),
        private,
    )
    server.shutdown()


def shared():
    home = work / "shared"
    home.mkdir()
    os.chown(home, FIRST, GROUP)
    home.chmod(0o2770)
    local = recipe("local", f"{{source: {work / 'disk.qcow2'}, as: disk}}")
    for turn, user in (("first", FIRST), ("second", SECOND), ("first again", FIRST)):
        made = run("build", local, "--fresh", home=home, user=user)
        check(f"the {turn} member builds in the group's store", made.returncode == 0, made.stderr[-500:])
        listed = run("images", "list", home=home, user=user)
        check(f"the {turn} member lists", listed.returncode == 0, listed.stderr[-500:])
    home.chmod(0o2750)
    reader = run("images", "list", home=home, user=SECOND)
    check("who may only read, reads", reader.returncode == 0, reader.stderr[-500:])


def foreign():
    """Root's images are there for a user of the group: listed, used and pulled, without root and without a
    trace in root's store."""
    home, own, share = work / "roots", work / "own", work / "share"
    home.mkdir()
    os.chown(home, 0, GROUP)
    home.chmod(0o2770)
    made = run("images", "import", work / "disk.qcow2", "--name", "nightly", home=home)
    check("root imports an image", made.returncode == 0, made.stderr[-500:])
    pushed = run("images", "push", "nightly", share, home=home)
    check("root pushes it to a directory", pushed.returncode == 0, pushed.stderr[-500:])
    before = {str(p): p.stat().st_mtime_ns for p in home.rglob("*")}
    own.mkdir()
    os.chown(own, SECOND, SECOND)
    settings = own / "config" / "imgforge"
    settings.mkdir(parents=True)
    (settings / "config.yaml").write_text(f"images: {{path: [{home}]}}\n")
    env = {"XDG_CONFIG_HOME": str(own / "config"), "HOME": str(own)}
    listed = run("images", "list", "--json", home=own / "home", user=SECOND, env=env)
    names = [i["name"] for i in json.loads(listed.stdout or "{}").get("images", [])]
    check("a user lists root's image", names == ["nightly"], listed.stdout + listed.stderr[-500:])
    spawned = run(
        "spawn",
        "nightly",
        "web-1",
        "--no-start",
        "--network",
        "user",
        "--json",
        home=own / "home",
        user=SECOND,
        env=env,
    )
    disk = json.loads(spawned.stdout or "{}").get("machines", [{}])[0].get("disk", {})
    check(
        "a user's machine stands on root's image",
        str(home) in str(disk.get("backing")),
        spawned.stdout[-300:] + spawned.stderr[-500:],
    )
    pulled = run(
        "images",
        "pull",
        f"{share}/nightly",
        "--json",
        home=own / "pulled",
        user=SECOND,
        env={"XDG_CONFIG_HOME": "/nonexistent"},
    )
    check(
        "a user pulls from a directory",
        json.loads(pulled.stdout or "{}").get("images", [{}])[0].get("image") == "nightly",
        pulled.stdout[-300:] + pulled.stderr[-500:],
    )
    check(
        "nothing was written in root's store",
        before == {str(p): p.stat().st_mtime_ns for p in home.rglob("*")},
    )
    gone = run("destroy", "web-1", "--yes", home=own / "home", user=SECOND, env=env)
    check("the machine goes", gone.returncode == 0, gone.stderr[-500:])


def full():
    home = work / "full"
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "imgforge-test", home]).returncode != 0:
        print("ok no tmpfs can be mounted here: the full disk is not tested")
        return
    try:
        local = work / "local.recipe"
        check("a build on the small disk", run("build", local, home=home).returncode == 0)
        for size in ("1M", "2M", "3M"):
            disk = work / f"disk-{size}.qcow2"
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, size], check=True)
            done = run("images", "import", disk, "--name", "three", home=home)
            check(f"a generation of {size}", done.returncode == 0, done.stderr[-500:])
        with open(home / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(bytes(1 << 16))
                    filler.flush()
            except OSError:
                pass
        for words in (
            ["images", "list"],
            ["list"],
            ["images", "rollback", "three"],
            ["images", "promote", "three@1"],
            ["images", "delete", "three@3"],
            ["images", "gc"],
            ["cleanup"],
            ["images", "verify"],
        ):
            done = run(*words, home=home)
            check("0 bytes free: " + " ".join(words), done.returncode == 0, done.stderr[-500:])
    finally:
        subprocess.run(["umount", "-l", home])


try:
    reachable()
    secrets()
    shared()
    foreign()
    full()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if faults else 0)
