#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what CONTRIBUTING.md says of sizes and words: style.py [width|files|functions|words]….

width      no line of code above 110 columns. Excepted are prose and data (Markdown, YAML, recipes and units,
           records and corpora), and a line that is one literal or pattern that cannot be broken.
files      no file of code above 350 lines
functions  less than 0.3 % of the C++ functions above 60 lines (ctags counts; exit 77 without it)
words      none of the words that we replaced (LICENSE and recorded texts are quotations)
"""
import re
import subprocess
import sys

WIDTH, LINES, FUNCTION_LINES, SHARE = 110, 350, 60, 0.003
CODE = (".cpp", ".hpp", ".c", ".js", ".sh", ".py", ".cmake", "CMakeLists.txt", ".ci/run")
RECORDED = ("LICENSE", "tests/data/", "tests/fuzz/corpus/")
# A literal of this many columns leaves no room for what stands around it.
UNBREAKABLE = 70
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|R"\w*\(.*')
# [x]: this file is searched as well.
WORDS = (r"\bm[e]nd(s|ed|ing)?\b", r"\bpatien[c]e\b", r"\bis n[o] (?!longer\b)", r"\bt[o]ld\b")


def tracked():
    names = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in names if not name.startswith(RECORDED)]


def lines_of(name):
    try:
        with open(name, encoding="utf-8") as file:
            return file.read().splitlines()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return []


def code():
    return [name for name in tracked() if name.endswith(CODE)]


def unbreakable(line):
    """One literal fills the line, or it is a row of text within a literal: no place to break it at."""
    longest = max((len(match.group(0)) for match in LITERAL.finditer(line)), default=0)
    return (
        longest >= UNBREAKABLE
        or re.search(r"\s(&&|\|\||->|[=<>]+)\s|[({]$", line) is None
        and ";" not in line
    )


def width():
    wide = []
    for name in code():
        for number, line in enumerate(lines_of(name), 1):
            if len(line) > WIDTH and not unbreakable(line):
                wide.append(f"{name}:{number}: {len(line)} columns")
    return wide, f"{len(wide)} lines above {WIDTH} columns"


def files():
    long = [f"{name}: {len(lines)} lines" for name in code() if len(lines := lines_of(name)) > LINES]
    return long, f"{len(long)} files above {LINES} lines"


def functions():
    sources = [name for name in code() if name.endswith((".cpp", ".hpp"))]
    options = [
        "--languages=C++",
        "--langmap=C++:+.hpp",
        "--kinds-C++=f",
        "--fields=+ne",
        "-f",
        "-",
        "-L",
        "-",
    ]
    try:
        tags = subprocess.run(
            ["ctags", *options], input="\n".join(sources), capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        print("SKIPPED: ctags is not installed (package universal-ctags)")
        sys.exit(77)
    count, long = 0, []
    for tag in tags.stdout.splitlines():
        span = re.search(r"\tline:(\d+).*\tend:(\d+)", tag)
        if span:
            count += 1
            lines = int(span.group(2)) - int(span.group(1)) + 1
            if lines > FUNCTION_LINES:
                long.append(f"{tag.split(chr(9))[1]}: {tag.split(chr(9))[0]} has {lines} lines")
    percent = 100 * len(long) / max(count, 1)
    said = f"{len(long)} of {count} functions above {FUNCTION_LINES} lines ({percent:.2f} %)"
    return (long if len(long) >= SHARE * count else []), said


def words():
    found = []
    for name in tracked():
        for number, line in enumerate(lines_of(name), 1):
            for word in WORDS:
                if match := re.search(word, line, re.IGNORECASE):
                    found.append(f"{name}:{number}: '{match.group(0)}': {line.strip()[:80]}")
    return found, f"{len(found)} words that we replaced"


def main():
    checks = {"width": width, "files": files, "functions": functions, "words": words}
    failed = False
    for name in sys.argv[1:] or checks:
        rows, said = checks[name]()
        print(f"{name}: {said}")
        for row in rows:
            print(f"  {row}")
        failed |= bool(rows)
    sys.exit(1 if failed else 0)


main()
