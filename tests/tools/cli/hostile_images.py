#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command and every stage that reads an image, with hostile headers: none follows a reference, none
writes, none starts the appliance. A secret stands in the file that the headers name."""
import hashlib, os, pathlib, shutil, struct, subprocess, sys, tempfile, time

PROGRAM = os.environ["IMGFORGE_BINARY"]
SECRET = b"neighbours-secret-4711"
if not shutil.which("qemu-img"):
    print("qemu-img is not installed (package qemu-utils)")
    sys.exit(77)
work = pathlib.Path(tempfile.mkdtemp(prefix="imgforge-hostile-", dir=os.environ.get("TMPDIR", "/var/tmp")))
os.environ.update(IMGFORGE_HOME=str(work / "home"), IMGFORGE_IMMUTABLE="off", TMPDIR=str(work / "tmp"))
(work / "tmp").mkdir()
images = work / "images"
images.mkdir()


def qemu_img(*words):
    subprocess.run(["qemu-img", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def make_images():
    secret = images / "secret.img"
    secret.write_bytes((SECRET * 4096)[: 64 * 1024])
    secret.chmod(0o600)
    standalone = images / "plain.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", standalone, "1M")
    hostile = {}

    def new(name):
        hostile[name] = images / (name + ".img")
        return hostile[name]

    qemu_img("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", new("backing"))
    data = images / "data.bin"
    qemu_img(
        "create", "-q", "-f", "qcow2", "-o", f"data_file={data},data_file_raw=on", new("data-file"), "1M"
    )
    shutil.copy(secret, data)
    cycle = new("cycle")
    qemu_img("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", cycle, "1M")
    qemu_img("rebase", "-u", "-f", "qcow2", "-b", cycle, "-F", "qcow2", cycle)
    driver = new("json-driver")
    shutil.copy(standalone, driver)
    name = ('json:{"driver":"raw","file":{"driver":"file","filename":"%s"}}' % secret).encode()
    head = bytearray(driver.read_bytes())
    head[8:20] = struct.pack(">QI", 4096, len(name))
    head[4096 : 4096 + len(name)] = name
    driver.write_bytes(head)
    short = new("truncated")
    qemu_img("create", "-q", "-f", "qcow2", short, "4M")
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 2M", short], check=True, stdout=subprocess.DEVNULL
    )
    os.truncate(short, 1 << 20)
    corrupt = new("corrupt-bit")
    shutil.copy(standalone, corrupt)
    head = bytearray(corrupt.read_bytes())
    head[79] |= 2
    corrupt.write_bytes(head)
    encrypted = new("encrypted")
    shutil.copy(standalone, encrypted)
    head = bytearray(encrypted.read_bytes())
    head[35] = 1
    encrypted.write_bytes(head)
    # A machine's raw disk, into whose first sector its guest wrote such a header.
    guest = images / "machine.raw"
    shutil.copy(hostile["backing"], guest)
    os.truncate(guest, 1 << 20)
    hostile["raw-with-header"] = guest
    text = new("text")
    text.write_text("not a disk\n" * 100)
    return hostile


def digest(folder):
    return {
        str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mode)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def recipe(name, stages, more=""):
    path = work / "recipe"
    path.mkdir(exist_ok=True)
    file = path / f"{name}.recipe"
    file.write_text(f"name: {name}\nos: debian13\n{more}stages:\n{stages}")
    return file


def uses(kind, file):
    yield "compact in place", ["compact", file]
    yield "compact", ["compact", file, "--output", work / "new.img"]
    yield "sysprep in place", ["sysprep", file]
    yield "sysprep dry", ["sysprep", file, "--dry-run"]
    yield "customize", ["customize", file, "--hostname", "x", "--output", work / "new.img"]
    yield "audit", ["audit", file]
    yield "audit bytes", ["audit", file, "--bytes-only"]
    yield "overlay", ["build", recipe("overlay", f"  - overlay: {{base: {file}}}\n  - compact: {{}}\n")]
    yield "fetch", ["build", recipe("fetch", f"  - fetch: {{source: {file}, as: disk}}\n  - publish: {{}}\n")]
    yield "publish", ["build", recipe("publish", f"  - overlay: {{base: {file}}}\n  - publish: {{}}\n")]
    if kind not in ("backing", "data-file", "cycle", "json-driver", "truncated"):
        return
    for stage in (
        "customize: {hostname: x}",
        "sysprep: {}",
        "audit: {}",
        "resize: {size: 8G}",
        "export: {formats: [raw], to: out}",
    ):
        name = stage.split(":")[0]
        yield f"stage {name}", ["build", recipe(name, f"  - overlay: {{base: {file}}}\n  - {stage}\n")]
    yield "installer", ["build", recipe("installer", "  - install: {}\n", f"installer: {{iso: {file}}}\n")]
    yield "customize in place", ["customize", file, "--hostname", "x"]
    yield "import", ["images", "import", file, "--name", "taken"]
    yield "import and clean", ["images", "import", file, "--name", "taken", "--sysprep"]
    yield "spawn", ["spawn", file, "web-1", "--no-start"]
    yield "spawn a copy", ["spawn", file, "web-1", "--no-start", "--copy"]
    plain = images / "plain.qcow2"
    for command in (["sysprep"], ["audit"], ["customize", "--hostname", "x"]):
        yield command[0] + " --add", [command[0], plain, "--add", file, *command[1:]]
    yield "media probe", ["media", "probe", file]
    yield "seed inspect", ["seed", "inspect", file]
    yield "seed extract", ["seed", "extract", file, work / "extracted"]
    yield "seed diff", ["seed", "diff", plain, file]
    yield "seed show", ["seed", "show", file, "--merged"]
    yield "verify by key", ["images", "verify", file, "--key", work / "signing.pem.pub"]


def tampered(kind, file):
    """A generation whose disk somebody with rights to the store replaced."""
    home = work / "stores" / kind
    run = lambda *words: subprocess.run(
        [PROGRAM, *map(str, words)],
        env=dict(os.environ, IMGFORGE_HOME=str(home)),
        capture_output=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    run("images", "import", images / "plain.qcow2", "--name", "base", "--os", "debian13")
    disk = home / "images" / "base" / "1" / "disk.qcow2"
    disk.parent.chmod(0o755)
    disk.unlink()
    shutil.copy(file, disk)
    for words in (
        ["images", "export", "base", "--format", "raw", "--output", work / "new.img"],
        ["images", "push", "base", work / "target"],
        ["audit", "base", "--bytes-only"],
        ["spawn", "base", "web-1", "--no-start"],
        ["spawn", "base", "web-1", "--no-start", "--copy"],
        ["images", "verify"],
        ["spawn", "base", "web-1", "--no-start"],
    ):
        yield f"tampered {' '.join(map(str, words[:2]))}", run(*words)


def main():
    hostile = make_images()
    before = digest(images)
    faults = 0
    def done_with(kind, file):
        for what, words in uses(kind, file):
            yield what, subprocess.run(
                [PROGRAM, *map(str, words)], capture_output=True, timeout=60, stdin=subprocess.DEVNULL
            )
        if kind in ("backing", "data-file", "cycle", "json-driver"):
            yield from tampered(kind, file)

    subprocess.run([PROGRAM, "keygen", str(work / "signing.pem")], check=True, capture_output=True)
    for kind, file in hostile.items():
        started = time.monotonic()
        for what, done in done_with(kind, file):
            seconds = time.monotonic() - started
            problems = []
            if done.returncode not in (2, 3, 5):
                problems.append(f"exits with {done.returncode}")
            if seconds > 10:
                problems.append(f"takes {seconds:.0f} s, as if the appliance was started")
            if digest(images) != before:
                problems.append("changed a file")
            written = [
                p.name for p in (work / "new.img", work / "out", work / "recipe" / "out") if p.exists()
            ]
            if written:
                problems.append(f"wrote {written}")
            places = [work / name for name in ("home", "stores", "target", "extracted")]
            layers = [
                p for place in places for p in place.rglob("*") if p.is_file() and SECRET in p.read_bytes()
            ]
            if SECRET in done.stdout + done.stderr:
                problems.append("printed the secret")
            if layers:
                problems.append(f"copied the secret to {layers}")
            started = time.monotonic()
            print("FAILED" if problems else "ok", kind, what, done.returncode, f"{seconds:.2f} s", *problems)
            if problems:
                print((done.stdout + done.stderr)[-1500:].decode(errors="replace"))
                faults += 1
    # What was stated is followed, and only that.
    chain = work / "stated.img"
    done = subprocess.run(
        [
            PROGRAM,
            "compact",
            str(hostile["backing"]),
            "--format",
            "qcow2",
            "--backing-file",
            str(images / "secret.img"),
            "--output",
            str(chain),
        ],
        capture_output=True,
        timeout=60,
    )
    if done.returncode != 0 or not chain.exists():
        print("FAILED a stated chain", done.stderr.decode()[-1500:])
        faults += 1
    raw = work / "raw.out"
    done = subprocess.run(
        [PROGRAM, "compact", str(hostile["raw-with-header"]), "--format", "raw", "--output", str(raw)],
        capture_output=True,
        timeout=60,
    )
    if done.returncode != 0 or raw.read_bytes() != hostile["raw-with-header"].read_bytes():
        print("FAILED a disk stated as raw", done.stderr.decode()[-1500:])
        faults += 1
    return 1 if faults else 0


try:
    code = main()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(code)
