#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds every libFuzzer target (clang, with the sanitizers) and runs each for SECONDS (default 20) on top of its kept corpus.
#   scripts/fuzz.sh [SECONDS] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
export LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0
shift || true
cmake --preset asan >/dev/null
cmake --build build/asan -j "$(nproc)" --target fuzz_targets
ctest --test-dir build/asan -N -L '^fuzz$' | sed -n 's/.*: fuzz\.//p' | while read -r name; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    work=$(mktemp -d)
    echo "== $name for $seconds s"
    "build/asan/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=8192 -print_final_stats=1 "$work" "tests/fuzz/corpus/$name"
    rm -rf "$work"
done
