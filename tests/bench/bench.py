#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks of imgforge against its peers in one run; see README.md in this directory.

  tests/bench/bench.py                       all that takes seconds
  tests/bench/bench.py --slow --golden HOME  sysprep, rebuild and refresh of a golden image, too (minutes)
  tests/bench/bench.py --growth              how cost grows with the number of machines and generations
  tests/bench/bench.py --report FILE…        the tables of earlier runs as Markdown
  tests/bench/bench.py --plot SVG FILE…      a picture of earlier runs; --only NAME… chooses and orders its
  pairs

Each figure is the median over several A B A B … pairs of whole processes, wall time, with the least and the
greatest; the ratio is the median of the ratios pair by pair, so that a machine whose speed drifts does not
decide. """
import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import cases
import cases_golden
import cases_images
import cases_machines
import growth
import host
import plot
import private_libvirt
import report
from measure import CommandFailed, measured, memory_of, missing_programs


def arguments():
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--build",
        default=os.path.join(root, "build/bench"),
        metavar="FOLDER",
        help="build tree (default: build/bench)",
    )
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="WORD", help="cases with one of these words in their name"
    )
    parser.add_argument(
        "--pairs", type=int, default=0, help="pairs of every case (default: as many as the case needs)"
    )
    parser.add_argument("--slow", action="store_true", help="also cases that take minutes")
    parser.add_argument(
        "--golden",
        metavar="HOME",
        help="an IMGFORGE_HOME with a built image debian13; it is copied, not changed",
    )
    parser.add_argument(
        "--medium", metavar="ISO", help="installer medium to probe and to take an initrd from"
    )
    parser.add_argument(
        "--growth", nargs="?", const="1,10,100,1000", metavar="N,N…", help="only growth, for these numbers"
    )
    parser.add_argument(
        "--size",
        type=int,
        default=512,
        metavar="MIB",
        help="size of the disk that is searched (default: 512)",
    )
    parser.add_argument(
        "--alone",
        action="store_true",
        help="real-time priority for both sides: other programs of a busy host wait",
    )
    parser.add_argument(
        "--json", metavar="FILE", help="where results go (default: build/bench-results/DATE.json)"
    )
    parser.add_argument("--report", nargs="+", metavar="FILE", help="print these results as Markdown and end")
    parser.add_argument(
        "--plot",
        nargs="+",
        metavar="FILE",
        help="draw these results (JSON) into the first file (SVG) and end",
    )
    options = parser.parse_args()
    if options.plot and len(options.plot) < 2:
        parser.error("--plot wants an SVG to write and at least one file with results")
    options.root = root
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def rows_of(bench, options, source):
    for case in source:
        if (options.only and not any(word in case.name for word in options.only)) or (
            case.slow and not options.slow
        ):
            continue
        lacking = missing_programs(case)
        load = host.load()[0]
        try:
            row = (
                {"name": case.name, "skipped": f"not installed: {', '.join(lacking)}"}
                if lacking
                else measured(case, options.pairs)
            )
        except CommandFailed as fault:
            row = {"name": case.name, "failed": str(fault)}
        row["load"] = load
        print(report.line(row), flush=True)
        yield row


def memory_rows(source, options):
    for case in source:
        if not options.only or any(word in case.name for word in options.only):
            try:
                if case.ready:
                    case.ready()
                yield {"name": case.name, "what": case.what, **memory_of(case.ours())}
            except CommandFailed as fault:
                yield {"name": case.name, "failed": str(fault)}


def run_all(bench, options, result):
    with contextlib.ExitStack() as stack:
        libvirt = None
        lacking = private_libvirt.missing()
        wanted = (
            options.growth
            or not options.only
            or any(word in name for word in options.only for name in cases_machines.NAMES)
        )
        if not wanted:
            pass
        elif lacking:
            say(f"no rows of machines: {lacking}")
        else:
            libvirt = stack.enter_context(private_libvirt.PrivateLibvirt(bench.folder))
        if options.growth:
            sizes = [int(word) for word in options.growth.split(",")]
            result["growth"] = growth.growth_rows(bench, libvirt.uri if libvirt else "embedded", sizes, say)
            print(report.growth_table(result["growth"]), flush=True)
            return
        sources = [cases.all_cases(bench)]
        if libvirt:
            sources.append(cases_machines.machine_cases(bench, libvirt))
        sources.append(cases_images.image_cases(bench))
        sources.append(cases_golden.golden_cases(bench))
        for source in sources:
            result["rows"] += rows_of(bench, options, source)
        result["memory"] = list(memory_rows(cases_golden.memory_cases(bench, options.slow), options))
        print(report.memory_table(result["memory"]), flush=True)


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # what was started ends, too
    if options.report:
        print(report.markdown([json.load(open(file, encoding="utf-8")) for file in options.report]))
        return 0
    if options.plot:
        results = [json.load(open(file, encoding="utf-8")) for file in options.plot[1:]]
        with open(options.plot[0], "w", encoding="utf-8") as out:
            out.write(plot.svg(results, options.only))
        return 0
    imgforge = os.path.join(options.build, "builder/cli/imgforge")
    tool = os.path.join(options.build, "tests/bench/bench_tool")
    for program in (imgforge, tool):
        if not os.access(program, os.X_OK):
            sys.exit(f"no {program}: scripts/build.sh bench")
    folder = tempfile.mkdtemp(prefix="imgforge-bench-", dir="/var/tmp")
    bench = cases.Bench(
        imgforge,
        tool,
        options.root,
        folder,
        medium=cases.medium_of(options),
        golden=options.golden,
        bytes=options.size << 20,
    )
    if options.alone:
        os.sched_setscheduler(
            0, os.SCHED_RR, os.sched_param(1)
        )  # all that is started inherits it, libvirtd and its machines, too
    result = {"alone": options.alone, "host": host.facts(imgforge, options.root, folder), "rows": []}
    try:
        run_all(bench, options, result)
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
        result["host"]["load_at_end"] = host.load()
        file = options.json or os.path.join(
            options.root, "build", "bench-results", time.strftime("%Y%m%d-%H%M%S.json")
        )
        os.makedirs(os.path.dirname(os.path.abspath(file)), exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)
            out.write("\n")
        say(f"results: {file}")
    return 1 if any("failed" in row for row in result["rows"] + result.get("memory", [])) else 0


if __name__ == "__main__":
    sys.exit(main())
