#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the commands of a document as its reader would, and compares what they say.

    run_document.py DOCUMENT MARK       MARK: "" runs the blocks opened by ```sh, "boot" those opened by ```sh boot

Each block is a bash script of its own (errexit), all in the current folder. A block ```output right after one that ran lists lines that
must come in this order in what it said on both streams; "…" stands for anything.
"""
import pathlib
import re
import subprocess
import sys

LIMIT = 1200  # seconds for one block: a machine under software emulation needs minutes


def blocks(text):
    """(first line, mark, body) of each fenced block."""
    for match in re.finditer(r"^```(\S*)(?: (\S+))?\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, match.start()) + 1, match[1], match[2] or "", match[3]


def as_pattern(line):
    return re.compile(".*".join(re.escape(part.strip()) for part in line.split("…")))


def missing(expected, said):
    """The first expected line that does not come, or nothing."""
    lines = iter(said.splitlines())
    for wanted in filter(None, expected.splitlines()):
        pattern = as_pattern(wanted)
        if not any(pattern.search(line) for line in lines):
            return wanted
    return None


def main():
    document, mark = pathlib.Path(sys.argv[1]), sys.argv[2]
    ran, said, previous = 0, "", False
    for line, kind, block_mark, body in blocks(document.read_text(encoding="utf-8")):
        where = f"{document.name}:{line}"
        if kind == "output":
            if previous and (wanted := missing(body, said)) is not None:
                sys.exit(f"FAILED: {where}: '{wanted}' does not come in:\n{said}")
            previous = False
            continue
        previous = kind == "sh" and block_mark == mark
        if not previous:
            continue
        print(f"== {where}\n{body}", flush=True)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", body], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=LIMIT, stdin=subprocess.DEVNULL, check=False)
        said = done.stdout
        print(said, flush=True)
        if done.returncode != 0:
            sys.exit(f"FAILED: {where}: the block ends with {done.returncode}")
        ran += 1
    if ran == 0:
        sys.exit(f"FAILED: {document.name} has no block marked '{mark}'")
    print(f"PASSED: {ran} blocks of {document.name}")


main()
