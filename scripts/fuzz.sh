#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds every libFuzzer target (clang, with the sanitizers) and runs each for SECONDS (default 20) on top of
# its kept corpus.
#   scripts/fuzz.sh [SECONDS] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
shift || true
cmake --preset asan >/dev/null
cmake --build build/asan -j "$(nproc)" --target fuzz_targets
ctest --test-dir build/asan -N -L '^fuzz$' | sed -n 's/.*: fuzz\.//p' | while read -r name; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    echo "== $name for $seconds s"
    tests/fuzz/run.sh "build/asan/tests/fuzz/fuzz_$name" "$seconds" -timeout=10 -print_final_stats=1
done
