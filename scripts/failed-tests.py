#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names each failed test of ctest's JUnit files and why: the lines around GoogleTest's "Failure", else the
end of its output.

  scripts/failed-tests.py FILE.xml…
"""
import sys
import xml.etree.ElementTree

AROUND, AT_MOST = 6, 40


def reason(output):
    lines = output.splitlines()
    wanted = set()
    for number, line in enumerate(lines):
        if line.endswith(": Failure") or "thrown in" in line or "[  FAILED  ]" in line:
            wanted.update(range(number, min(number + AROUND, len(lines))))
    return [lines[number] for number in sorted(wanted)][:AT_MOST] or lines[-AT_MOST:]


for name in sys.argv[1:]:
    try:
        cases = xml.etree.ElementTree.parse(name).getroot().iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError) as fault:
        print(f"{name}: {fault}")
        continue
    for case in cases:
        failure = case.find("failure")
        if failure is not None:
            print(f"\nFAILED {case.get('name')} after {case.get('time')} s: {failure.get('message') or ''}")
            for line in reason(case.findtext("system-out") or ""):
                print("    " + line)
