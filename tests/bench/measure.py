# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a command with its time and memory, and what several runs say together."""
import dataclasses
import math
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import typing


@dataclasses.dataclass
class Command:
    """One process to time. `after` runs when the clock has stopped: it takes away what the command made."""

    argv: list
    env: dict = dataclasses.field(default_factory=dict)
    ok: tuple = (0,)
    after: typing.Optional[typing.Callable] = None


@dataclasses.dataclass
class Run:
    seconds: float
    cpu: float  # user and system time of the process and all it waited for; a daemon's work is not in it
    peak_kib: int  # of the largest process of the tree, by wait4(2)


class CommandFailed(RuntimeError):
    pass


def started(command, output):
    return subprocess.Popen(
        command.argv,
        env={**os.environ, **command.env},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


def run_once(command):
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = started(command, output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in command.ok:
            output.seek(0)
            text = output.read()[-2000:].decode(errors="replace")
            raise CommandFailed(
                f"exit code {process.returncode} of {' '.join(map(str, command.argv))}\n{text}"
            )
    if command.after:
        command.after()
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def quietly(argv, env=None, ok=(0,)):
    """Runs a command that is not measured; its output as text."""
    done = subprocess.run(
        argv,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in ok:
        raise CommandFailed(
            f"exit code {done.returncode} of {' '.join(map(str, argv))}\n{(done.stdout + done.stderr)[-2000:]}"
        )
    return done.stdout


def tree_of(pid):
    """The process and all below it that still live."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as children:
                todo += [int(word) for word in children.read().split()]
            found.append(one)
        except OSError:
            pass
    return found


def status_kib(pid, field):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith(field + ":")), 0)
    except OSError:
        return 0


def memory_of(command, interval=0.05):
    """Peaks of one run, in KiB: of the program itself (VmHWM) and of its whole tree together (sum of RSS,
    sampled)."""
    peaks = {"own_kib": 0, "tree_kib": 0}
    with tempfile.TemporaryFile() as output:
        process = started(command, output)
        ended = threading.Event()

        def watch():
            while not ended.wait(interval):
                pids = tree_of(process.pid)
                peaks["own_kib"] = max(peaks["own_kib"], status_kib(process.pid, "VmHWM"))
                peaks["tree_kib"] = max(peaks["tree_kib"], sum(status_kib(pid, "VmRSS") for pid in pids))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        code = process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watcher.join()
        if code not in command.ok:
            output.seek(0)
            raise CommandFailed(
                f"exit code {code} of {' '.join(map(str, command.argv))}\n{output.read()[-2000:].decode(errors='replace')}"
            )
    if command.after:
        command.after()
    # What ended between two looks, wait4 still knows: the peak of the largest process of the tree.
    peaks["own_kib"] = peaks["own_kib"] or usage.ru_maxrss
    peaks["tree_kib"] = max(peaks["tree_kib"], usage.ru_maxrss)
    return peaks


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def fitted_exponent(points):
    """p of `seconds = a + b·n^p`, a being the least time: least squares over the logarithms of what is above
    a.

    Points that stand less than a fifth above a are its noise; with fewer than two points left the cost does
    not grow: 0. """
    base = min(seconds for _, seconds in points)
    logs = [
        (math.log(n), math.log(seconds - base))
        for n, seconds in points
        if seconds > 1.2 * base and n > min(points)[0]
    ]
    if len(logs) < 2:
        return 0.0
    mean_x = statistics.fmean(x for x, _ in logs)
    mean_y = statistics.fmean(y for _, y in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def missing_programs(case):
    return [program for program in case.needs if not shutil.which(program)]


def measured(case, pairs):
    """One row: medians, extremes, and the ratios pair by pair. One run of each side before is not counted."""
    pairs = pairs or case.pairs or 7
    if case.ready:
        case.ready()
    ours, theirs = [], []
    for counted in [False] + [True] * pairs:
        a = run_once(case.ours())
        b = run_once(case.peer()) if case.peer else None
        if counted:
            ours.append(a)
            theirs.append(b)
    row = {
        "name": case.name,
        "what": case.what,
        "pairs": pairs,
        "goal": case.goal,
        "ours": spread([run.seconds for run in ours]),
        "cpu": spread([run.cpu for run in ours]),
        "peak_kib": max(run.peak_kib for run in ours),
    }
    if case.moved:
        row["moved"] = case.moved
    if case.peer:
        ratios = [a.seconds / b.seconds for a, b in zip(ours, theirs)]
        row.update(
            peer_name=case.peer_name,
            peer=spread([run.seconds for run in theirs]),
            ratio=spread(ratios),
            peer_cpu=spread([run.cpu for run in theirs]),
        )
    return row
