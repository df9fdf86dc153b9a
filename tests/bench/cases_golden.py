# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages on a real golden image. Works in a copy of the home that --golden names; its recipe's installation
must be in the cache."""
import json
import os

import cases
from cases import Case
from measure import Command, CommandFailed, quietly

IMAGE = "debian13"
PEER_ENV = {"LIBGUESTFS_BACKEND": "direct"}


class Golden:
    def __init__(self, bench):
        self.bench = bench
        self.home = os.path.join(bench.folder, "golden-home")
        self.env = {"IMGFORGE_HOME": self.home, "IMGFORGE_IMMUTABLE": "off"}
        self.overrides = []
        self.installed = None
        self.built = set()
        self.machines = 0

    def ready(self):
        """A copy of the home, and the disk as the installer left it."""
        if self.installed:
            return
        os.makedirs(self.home)
        for part in ("images", "keys", "state.db", "cache"):
            source = os.path.join(self.bench.golden, part)
            if os.path.exists(source):
                quietly(["cp", "-a", "--reflink=auto", source, self.home])
        manifest = json.loads(self.imgforge("images", "show", IMAGE, "--json"))["manifest"]
        for one in manifest["recipe"].get("overrides", []):
            self.overrides += ["--set", f"{one['key']}={one['value']}"]
        self.source = manifest["recipe"]["file"]
        plan = json.loads(self.imgforge("build", self.source, *self.overrides, "--plan", "--json"))
        install = next(stage for stage in plan["stages"] if stage["type"] == "install")
        if install["verdict"] != "reuse":
            raise CommandFailed(
                f"the installation of {self.source} is not in the cache of {self.bench.golden}: {install['reason']}"
            )
        self.installed = os.path.join(self.home, "cache", "stages", install["fingerprint"], "disk.qcow2")
        if PEER_ENV.get("LIBGUESTFS_BACKEND_SETTINGS") is None and not self.has_kvm():
            PEER_ENV["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg"

    def has_kvm(self):
        with open(os.path.join(self.home, "cache", "acceleration.json"), encoding="utf-8") as facts:
            return '"kvm"' in facts.read()

    def imgforge(self, *words):
        return quietly([self.bench.imgforge, *words], self.env)

    def recipe(self, name, stages):
        """The image's own recipe with other stages behind its installation; where it has such a stage, its
        options (waivers) stay."""
        import yaml  # only here: python3-yaml comes with cloud-init

        with open(self.source, encoding="utf-8") as text:
            recipe = yaml.safe_load(text)
        own = {kind: options for stage in recipe["stages"] for kind, options in stage.items()}
        recipe["name"] = name
        recipe["stages"] = recipe["stages"][:1] + [
            stage if isinstance(stage, dict) else {stage: own.get(stage) or {}} for stage in stages
        ]
        return self.bench.write(f"{name}.recipe", json.dumps(recipe))

    def copy(self):
        target = self.bench.fresh(".qcow2")
        quietly(["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", self.installed, target])
        return target

    def sysprep(self):
        disk = self.copy()
        return Command(
            [self.bench.imgforge, "sysprep", disk, "--quiet"], self.env, after=lambda: os.unlink(disk)
        )

    def virt_sysprep(self):
        disk = self.copy()
        return Command(
            ["virt-sysprep", "--quiet", "--format", "qcow2", "-a", disk],
            PEER_ENV,
            after=lambda: os.unlink(disk),
        )

    def four_stages(self):
        recipe = self.recipe("bench4", [{"customize": {"run": ["true"]}}, "sysprep", "audit", "compact"])
        return Command(
            [self.bench.imgforge, "build", recipe, *self.overrides, "--from", "customize", "--quiet"],
            self.env,
        )

    def eight_stages(self):
        steps = [{"customize": {"run": [f"echo {word}"]}} for word in ("one", "two", "three")]
        recipe = self.recipe(
            "bench8", steps + ["sysprep", "audit", "compact", {"publish": {"keep": 3, "max-age": "1d"}}]
        )
        return [self.bench.imgforge, "build", recipe, *self.overrides, "--quiet"]

    def build_eight(self):
        self.ready()
        if "bench8" not in self.built:
            quietly(self.eight_stages(), self.env)
            self.built.add("bench8")

    def machine(self, *more):
        """A machine to its SSH login, without a daemon."""
        self.machines += 1
        name = f"m{self.machines}"
        words = [
            "spawn",
            IMAGE,
            name,
            "--connect",
            "embedded",
            "--memory",
            "1G",
            "--wait",
            "ssh",
            "--timeout",
            "20m",
            "--quiet",
            *more,
        ]
        return Command([self.bench.imgforge, *words], self.env, after=lambda: self.gone(name))

    def gone(self, name):
        self.imgforge("destroy", "--yes", "--quiet", name)
        self.imgforge("cleanup", "--quiet")

    def plain_machine(self):
        self.machines += 1
        disk = os.path.join(self.home, "images", IMAGE, "1", "disk.qcow2")
        accelerator = "kvm" if self.has_kvm() else "tcg,thread=multi"
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plain_machine.sh")
        return Command([script, disk, self.bench.folder, str(47000 + self.machines), accelerator])

    def ready_for_machines(self):
        self.ready()
        key = os.path.join(self.bench.folder, "id")
        if not os.path.exists(key):
            quietly(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])

    def ready_for_warm(self):
        """The template is made by the first warm spawn; what is measured is those behind it."""
        self.ready_for_machines()
        if "warm" not in self.built:
            command = self.machine("--warm")
            quietly(command.argv, self.env)
            command.after()
            self.built.add("warm")

    def audit(self):
        return Command([self.bench.imgforge, "audit", IMAGE, "--quiet"], self.env, ok=(0, 5))


def golden_cases(bench):
    if not bench.golden:
        return
    golden = Golden(bench)
    bench.golden_copy = golden
    yield Case(
        "rebuild",
        "build of 8 stages with nothing changed",
        lambda: Command(golden.eight_stages(), golden.env),
        goal=0.03,
        pairs=15,
        slow=True,
        ready=golden.build_eight,
    )
    yield Case(
        "refresh",
        "refresh of an image with nothing new",
        lambda: Command([bench.imgforge, "refresh", "bench8", "--quiet"], golden.env),
        goal=2,
        pairs=9,
        slow=True,
        ready=golden.build_eight,
    )
    yield Case(
        "sysprep/virt-sysprep",
        "clean an installed Debian 13",
        golden.sysprep,
        golden.virt_sysprep,
        "virt-sysprep -a",
        0.8,
        ("virt-sysprep", "qemu-img"),
        3,
        slow=True,
        ready=golden.ready,
    )
    yield Case(
        "stages/virt-sysprep",
        "customize, sysprep, audit and compact",
        golden.four_stages,
        golden.virt_sysprep,
        "virt-sysprep -a (sysprep alone)",
        1.5,
        ("virt-sysprep", "qemu-img"),
        3,
        slow=True,
        ready=golden.ready,
    )
    yield Case(
        "machine/cold",
        "a machine from nothing to its SSH login",
        golden.machine,
        golden.plain_machine,
        "qemu-img, cloud-localds and plain QEMU",
        None,
        ("cloud-localds", "qemu-system-x86_64"),
        2,
        slow=True,
        ready=golden.ready_for_machines,
    )
    yield Case(
        "machine/warm",
        "the same from a template's memory",
        lambda: golden.machine("--warm"),
        golden.machine,
        "imgforge spawn, cold",
        0.03,
        pairs=3,
        slow=True,
        ready=golden.ready_for_warm,
    )


def memory_cases(bench, slow):
    """Commands whose peak memory is worth knowing; run once more, sampled."""
    yield from (case for case in cases.seeds(bench) if case.name == "seed/genisoimage")
    yield from (case for case in cases.audit(bench) if case.name == "audit/grep")
    yield from (case for case in cases.injection(bench))
    if bench.golden and slow:
        golden = getattr(bench, "golden_copy", None) or Golden(bench)
        golden.ready()
        yield Case("audit", "of a golden image, with the guest opened", golden.audit)
        yield Case("build", "customize, sysprep, audit and compact in one launch", golden.four_stages)
