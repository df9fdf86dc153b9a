# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured against peers and needs no golden image. Each case prepares fresh commands; preparing is
not timed."""
import dataclasses
import os
import typing

from measure import Command, quietly


@dataclasses.dataclass
class Case:
    name: str
    what: str
    ours: typing.Callable  # () -> Command
    peer: typing.Optional[typing.Callable] = None
    peer_name: str = ""
    goal: typing.Optional[float] = None  # ratio with a peer, seconds without
    needs: tuple = ()  # programs
    pairs: int = 0  # 0: as the command line says
    slow: bool = False  # minutes: only with --slow
    moved: int = 0  # bytes read by each side, for GB/s
    ready: typing.Optional[typing.Callable] = None  # makes what all runs share, when the case is about to run


@dataclasses.dataclass
class Bench:
    """What all cases share: programs, a scratch directory, and what the command line named."""

    imgforge: str
    tool: str
    root: str
    folder: str
    medium: typing.Optional[str] = None
    golden: typing.Optional[str] = None  # an IMGFORGE_HOME with debian13 and its cache
    bytes: int = 512 << 20  # of the disk that is searched
    counter: int = 0

    def fresh(self, suffix=""):
        self.counter += 1
        return os.path.join(self.folder, f"f{self.counter}{suffix}")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path


def removes(path):
    return lambda: os.path.exists(path) and os.unlink(path)


def start(bench):
    env = {"IMGFORGE_HOME": os.path.join(bench.folder, "start-home")}
    goal = 0.004  # seconds
    for name, what, words in (
        ("start", "the program's own start", ["--version"]),
        ("start/list", "no machine is listed", ["list"]),
        ("start/images", "no image is listed", ["images", "list"]),
        ("start/completion", "the completion of bash", ["completion", "bash"]),
        ("start/validate", "a shipped recipe is checked", ["validate", "debian13"]),
        ("start/plan", "a shipped recipe is planned", ["build", "debian13", "--plan"]),
    ):
        yield Case(name, what, lambda words=words: Command([bench.imgforge, *words], env), goal=goal, pairs=31)


def seeds(bench):
    user = bench.write("user-data", "#cloud-config\npackage_update: false\n")
    meta = bench.write("meta-data", "instance-id: i-1\nlocal-hostname: web-1\n")

    def making(argv):
        def make():
            iso = bench.fresh(".iso")
            return Command([word if word != "ISO" else iso for word in argv], after=removes(iso))
        return make

    ours = making(
        [
            bench.imgforge,
            "seed",
            "create",
            "--name",
            "web-1",
            "--instance-id",
            "i-1",
            "--user-data",
            user,
            "--output",
            "ISO",
        ]
    )
    iso_options = ["-quiet", "-output", "ISO", "-volid", "cidata", "-joliet", "-rock", user, meta]
    what = "a NoCloud seed ISO"
    yield Case(
        "seed/genisoimage",
        what,
        ours,
        making(["genisoimage", *iso_options]),
        "genisoimage",
        1.0,
        ("genisoimage",),
        41,
    )
    yield Case(
        "seed/cloud-localds",
        what,
        ours,
        making(["cloud-localds", "ISO", user, meta]),
        "cloud-localds",
        0.25,
        ("cloud-localds",),
        41,
    )
    yield Case(
        "seed/xorriso",
        what,
        ours,
        making(["xorriso", "-as", "genisoimage", *iso_options]),
        "xorriso",
        None,
        ("xorriso",),
        15,
    )


def probe(bench):
    if not bench.medium:
        return
    what = "what an installer ISO is"
    ours = lambda: Command([bench.imgforge, "media", "probe", bench.medium, "--json"])  # noqa: E731
    yield Case(
        "probe/isoinfo",
        what,
        ours,
        lambda: Command(["isoinfo", "-R", "-f", "-i", bench.medium]),
        "isoinfo -f",
        2.0,
        ("isoinfo",),
        15,
    )
    yield Case(
        "probe/xorriso",
        what,
        ours,
        lambda: Command(["xorriso", "-indev", bench.medium, "-find", "/.disk", "-exec", "lsdl"]),
        "xorriso -find",
        None,
        ("xorriso",),
        9,
    )


INJECT_AS_VIRT_INSTALL = """set -e
cp -- "$1" "$3"
folder=$(mktemp -d)
cp -- "$2" "$folder/preseed.cfg"
(cd "$folder" && find . -print0 | cpio --create --null --quiet --format=newc --owner=root:root | gzip) >>"$3"
rm -r "$folder"
"""


def injection(bench):
    initrd = os.path.join(bench.folder, "initrd.gz")
    preseed = bench.write("preseed.cfg", "d-i debian-installer/locale string en_US.UTF-8\n" * 80)

    def ready():
        if bench.medium:
            quietly(
                [
                    "xorriso",
                    "-osirrox",
                    "on",
                    "-indev",
                    bench.medium,
                    "-extract",
                    "/install.amd/initrd.gz",
                    initrd,
                ]
            )
            os.chmod(initrd, 0o644)
        else:
            quietly(
                [
                    "sh",
                    "-c",
                    'head -c 48M /dev/urandom >"$0.file" && echo "$0.file" | cpio -o -H newc --quiet | gzip -1 >"$0"',
                    initrd,
                ]
            )

    def ours():
        out = bench.fresh(".initrd")
        return Command([bench.tool, "inject", initrd, preseed, out], after=removes(out))

    def peer():
        out = bench.fresh(".initrd")
        return Command(
            ["sh", "-c", INJECT_AS_VIRT_INSTALL, "inject", initrd, preseed, out], after=removes(out)
        )

    yield Case(
        "inject/virt-install",
        "answers into an installer's initrd",
        ours,
        peer,
        "find|cpio|gzip as virt-install",
        1.0,
        ("cpio", "gzip", "xorriso"),
        15,
        ready=ready,
    )


GREP_WORDS = ["PRIVATE KEY-----", "openssh-key-v1", "AKIA", "ghp_"]


def forget_pages(path):
    """The file's clean pages leave the page cache, so that the disk is read."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def audit(bench):
    disk = os.path.join(bench.folder, "noise.raw")

    def ready():
        if not os.path.exists(disk):
            quietly(
                [
                    "dd",
                    "if=/dev/urandom",
                    f"of={disk}",
                    "bs=1M",
                    f"count={bench.bytes >> 20}",
                    "status=none",
                    "conv=fsync",
                ]
            )

    env = {"IMGFORGE_HOME": os.path.join(bench.folder, "audit-home")}
    grep_argv = ["grep", "-c", "-a", "-F"] + [word for text in GREP_WORDS for word in ("-e", text)] + [disk]

    def ours():
        # 5: noise may hold what looks like a short token.
        return Command(
            [bench.imgforge, "audit", disk, "--format", "raw", "--bytes-only", "--quiet"], env, ok=(0, 5)
        )

    def cold(make):
        def prepared():
            forget_pages(disk)
            return make()
        return prepared

    size = f"{bench.bytes >> 20} MiB of raw noise"
    grep = lambda: Command(grep_argv, {"LC_ALL": "C"}, ok=(0, 1))  # noqa: E731
    dd = lambda: Command(["dd", f"if={disk}", "of=/dev/null", "bs=1M", "status=none"])  # noqa: E731
    yield Case(
        "audit/grep",
        f"byte search of {size}, in the page cache",
        ours,
        grep,
        "grep -F, 4 words",
        None,
        ("grep",),
        5,
        moved=bench.bytes,
        ready=ready,
    )
    yield Case(
        "audit/dd",
        f"byte search of {size}, from the disk",
        cold(ours),
        cold(dd),
        "dd to /dev/null",
        None,
        ("dd",),
        5,
        moved=bench.bytes,
        ready=ready,
    )


def all_cases(bench):
    for family in (start, seeds, probe, injection, audit):
        yield from family(bench)


def medium_of(options):
    """The medium named, else the test medium beside the repository, if it is there."""
    beside = os.path.join(options.root, "..", "shared", "media", "debian-13-netinst-amd64.iso")
    return options.medium or (beside if os.path.exists(beside) else None)
