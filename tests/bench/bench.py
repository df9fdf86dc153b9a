#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks of imgforge against its peers, side by side in one run.

  tests/bench/bench.py [--only NAME…] [--slow] [--pairs N] [--json FILE] [--imgforge BINARY]

Each figure is the median over several A B A B … pairs, whole processes, wall time; the ratio is the median of the ratios pair by pair, so that
a machine whose speed drifts does not decide. Peers that are not installed are named and left out. --slow adds what takes minutes
(sysprep and install under software emulation).
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import cases


def run_once(make):
    """Runs one prepared command and returns its seconds; preparing is not counted."""
    argv, env = make()
    begin = time.perf_counter()
    done = subprocess.run(argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}\n{done.stdout.decode(errors='replace')[-2000:]}")
    return seconds


def measure(case, pairs):
    ours, theirs = [], []
    run_once(case.ours)
    if case.peer:
        run_once(case.peer)
    for _ in range(pairs):
        ours.append(run_once(case.ours))
        if case.peer:
            theirs.append(run_once(case.peer))
    row = {"name": case.name, "what": case.what, "pairs": pairs, "seconds": statistics.median(ours), "min": min(ours), "max": max(ours), "goal": case.goal}
    if theirs:
        row.update(peer=case.peer_name, peer_seconds=statistics.median(theirs), ratio=statistics.median(a / b for a, b in zip(ours, theirs)))
    return row


def host_facts():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def text(row):
    if "skipped" in row:
        return f"{row['name']:<26} {'-':>10}   skipped: {row['skipped']}"
    line = f"{row['name']:<26} {row['seconds'] * 1000:>9.1f}ms"
    if "ratio" in row:
        line += f"   {row['peer']:<28} {row['peer_seconds'] * 1000:>9.1f}ms   ratio {row['ratio']:.2f}"
        value = row["ratio"]
    else:
        value = row["seconds"]
    if row["goal"] is not None:
        line += f"   goal {'≤' if value <= row['goal'] else 'MISSED:'} {row['goal']}{'' if 'ratio' in row else ' s'}"
    return line


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    parser.add_argument("--imgforge", default=os.path.join(root, "build/release/builder/cli/imgforge"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if not os.access(options.imgforge, os.X_OK):
        sys.exit(f"no binary {options.imgforge}: scripts/build.sh release")
    folder = tempfile.mkdtemp(prefix="imgforge-bench-", dir="/var/tmp")
    rows = []
    try:
        for case in cases.all_cases(options.imgforge, folder, root):
            if (options.only and not any(word in case.name for word in options.only)) or (case.slow and not options.slow):
                continue
            missing = [program for program in case.needs if not shutil.which(program)]
            try:
                row = {"name": case.name, "skipped": f"not installed: {', '.join(missing)}"} if missing else measure(case, case.pairs or options.pairs)
            except RuntimeError as fault:
                row = {"name": case.name, "skipped": f"failed: {fault}"}
            rows.append(row)
            print(text(row), flush=True)
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        with open(options.json, "w") as out:
            json.dump({"host": host_facts(), "rows": rows}, out, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
