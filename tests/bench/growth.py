# SPDX-License-Identifier: GPL-3.0-or-later
"""How cost grows with the number of machines and of generations."""
import os
import shutil
import statistics

from measure import Command, fitted_exponent, quietly, run_once

IMAGE = "grow"
STEEPEST = 1.15  # linear, with room for the caches of the machine that measures
GOALS = {("list", "machines"): 0.3}  # seconds at 1000


class Store:
    """A home of one size, with real records: generations by the store's own code, machines by `spawn
    --no-start`."""

    def __init__(self, bench, name, uri):
        self.bench = bench
        self.home = os.path.join(bench.folder, f"grow-{name}")
        self.env = {"IMGFORGE_HOME": self.home, "LIBVIRT_DEFAULT_URI": uri, "IMGFORGE_IMMUTABLE": "off"}

    def time(self, *words, times=3):
        command = Command([self.bench.imgforge, *words], self.env)
        return statistics.median(run_once(command).seconds for _ in range(times))

    def generations(self, count):
        quietly([self.bench.tool, "store", self.home, IMAGE, str(count)], self.env)
        measured = os.path.join(self.bench.folder, "acceleration.json")
        if not os.path.exists(measured):
            # The first machine of a home finds out what this host can do, which takes seconds and is done
            # once per boot of the host.
            self.spawn_one_more()
            shutil.copy(os.path.join(self.home, "cache", "acceleration.json"), measured)
        shutil.copy(measured, os.path.join(self.home, "cache", "acceleration.json"))

    def spawn(self, pattern, count):
        return self.time(
            "spawn", IMAGE, pattern, "--count", str(count), "--no-start", "--wait", "none", "--quiet", times=1
        )

    def spawn_one_more(self):
        """Median of three; each is gone before the next."""
        seconds = []
        for i in range(3):
            seconds.append(
                self.time("spawn", IMAGE, f"more{i}", "--no-start", "--wait", "none", "--quiet", times=1)
            )
            quietly([self.bench.imgforge, "destroy", "--yes", "--quiet", f"more{i}"], self.env)
            quietly([self.bench.imgforge, "cleanup", "--quiet"], self.env)
        return statistics.median(seconds)

    def close(self):
        quietly(["chmod", "-R", "u+w", self.home])
        shutil.rmtree(self.home)


def looks(store):
    return {
        "images list": store.time("images", "list", "--json"),
        "images gc --dry-run": store.time("images", "gc", "--dry-run"),
        "images verify": store.time("images", "verify"),
    }


def with_machines(bench, uri, count):
    """N machines on one generation; then N more generations."""
    store = Store(bench, f"m{count}", uri)
    store.generations(1)
    names = [f"m-{i + 1}" for i in range(count)]
    machines = {"spawn --count N": store.spawn("m-{n}", count)}
    machines["spawn one more"] = store.spawn_one_more()
    machines["list"] = store.time("list", "--json", times=5)
    machines["show"] = store.time("show", "m-1", "--json")
    machines.update(looks(store))
    store.generations(count)
    both = looks(store)
    both["list"] = store.time("list", "--json")
    machines["destroy N"] = store.time("destroy", "--yes", "--quiet", *names, times=1)
    machines["cleanup N"] = store.time("cleanup", "--quiet", times=1)
    store.close()
    return {"machines": machines, "machines and generations": both}


def with_generations(bench, uri, count):
    store = Store(bench, f"g{count}", uri)
    store.generations(count)
    found = looks(store)
    found["list"] = store.time("list", "--json")
    found["spawn one more"] = store.spawn_one_more()
    found["publish one more"] = run_once(
        Command([bench.tool, "store", store.home, IMAGE, "1"], store.env)
    ).seconds
    found["images gc, all but 3"] = store.time("images", "gc", "--keep", "3", times=1)
    store.close()
    return {"generations": found}


def growth_rows(bench, uri, sizes, say):
    points = {}
    for count in sizes:
        for measure in (with_machines, with_generations):
            say(f"growth: {count}, {measure.__name__.replace('_', ' ')}")
            for axis, commands in measure(bench, uri, count).items():
                for command, seconds in commands.items():
                    points.setdefault((axis, command), []).append((count, seconds))
    return [grown(axis, command, found) for (axis, command), found in points.items()]


def grown(axis, command, points):
    exponent = fitted_exponent(points)
    row = {
        "axis": axis,
        "command": command,
        "points": points,
        "exponent": round(exponent, 2),
        "linear": exponent <= STEEPEST,
    }
    goal = GOALS.get((command, axis))
    if goal and points[-1][0] >= 1000:
        row.update(goal=goal, met=points[-1][1] <= goal)
    return row
