#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the unit and golden tests with AddressSanitizer and UndefinedBehaviorSanitizer and runs them.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-asan}
cmake --preset "$preset" >/dev/null
nice cmake --build "build/$preset" -j "${IMGFORGE_JOBS:-2}" --target unit_tests
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp
ctest --test-dir "build/$preset" --output-on-failure -L "^(unit|golden)\$" -j 2
