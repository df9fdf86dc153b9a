#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark program still works: some cases once, on tiny inputs. Says nothing about speed."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

import measure
import plot
import report

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench.py")
REQUIRED = {"tools", "all"} & set(os.environ.get("IMGFORGE_REQUIRE", "").split(","))


def bench(*words, code=0):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "out.json")
        done = subprocess.run(
            [sys.executable, BENCH, "--build", BUILD, "--json", file, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != code:
            raise AssertionError(
                f"exit code {done.returncode} in place of {code}\n{done.stdout}\n{done.stderr}"
            )
        with open(file, encoding="utf-8") as result:
            return json.load(result)


class Smoke(unittest.TestCase):
    def test_pairs_have_times_ratios_and_host_facts(self):
        result = bench(
            "--only", "start", "seed/genisoimage", "inject", "audit/grep", "--pairs", "1", "--size", "4"
        )
        rows = {row["name"]: row for row in result["rows"]}
        wanted = ["start", "seed/genisoimage", "inject/virt-install", "audit/grep"]
        for name in wanted:
            if "skipped" in rows[name] and not REQUIRED:
                continue
            self.assertGreater(rows[name]["ours"]["median"], 0, rows[name])
            self.assertTrue(name == "start" or rows[name]["ratio"]["median"] > 0, rows[name])
        self.assertGreaterEqual(result["host"]["cores"], 1)
        self.assertIn("imgforge", result["host"]["imgforge"]["version"])
        self.assertGreater(result["memory"][0]["tree_kib"], 0)
        self.assertIn("| seed/genisoimage", report.markdown([result]))

    def test_a_picture_has_two_bars_for_each_pair_and_the_longer_one_is_longer(self):
        side = lambda value: {"median": value, "min": value, "max": value}
        rows = [
            {
                "name": name,
                "ours": side(ours),
                "peer": side(peer),
                "peer_name": "a < b",
                "ratio": side(ours / peer),
            }
            for name, ours, peer in (("one", 0.5, 20), ("two", 3, 2), ("three", 1, 1))
        ]
        picture = ElementTree.fromstring(
            plot.svg([{"rows": [*rows, {"name": "alone", "ours": side(1)}]}], ["two", "one", "missing"])
        )
        bars = [
            float(one.get("width"))
            for one in picture.iter("{http://www.w3.org/2000/svg}rect")
            if one.get("height") == str(plot.BAR)
        ]
        self.assertEqual(len(bars), 4)
        self.assertGreater(bars[0], bars[1])
        self.assertLess(bars[2], bars[3])
        with self.assertRaisesRegex(ValueError, "no pair"):
            plot.svg([{"rows": rows}], ["missing"])

    @unittest.skipUnless(os.geteuid() == 0, "a private libvirtd needs root")
    def test_growth_has_every_command_at_every_size(self):
        result = bench("--growth", "1,2")
        commands = {(row["axis"], row["command"]): row["points"] for row in result["growth"]}
        for key in [
            ("machines", "list"),
            ("machines", "spawn --count N"),
            ("generations", "images verify"),
            ("generations", "images gc, all but 3"),
        ]:
            self.assertEqual([n for n, _ in commands[key]], [1, 2])

    def test_a_command_that_fails_is_a_failed_row_and_exit_code_1(self):
        result = bench("--only", "probe/isoinfo", "--medium", "/dev/null", "--pairs", "1", code=1)
        self.assertIn("exit code", result["rows"][0]["failed"])

    def test_exponents_of_known_curves(self):
        for power in (1, 1.5, 2):
            points = [(n, 0.02 + 0.001 * n**power) for n in (1, 10, 100, 1000)]
            self.assertAlmostEqual(measure.fitted_exponent(points), power, delta=0.06)
        self.assertEqual(measure.fitted_exponent([(1, 0.020), (10, 0.021), (100, 0.0205), (1000, 0.022)]), 0)


if __name__ == "__main__":
    unittest.main()
