#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds every libFuzzer target with clang and runs each for SECONDS (default 20) on top of its kept corpus.
#   scripts/fuzz.sh [SECONDS] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
shift || true
cmake --preset fuzz >/dev/null
nice cmake --build build/fuzz -j "${IMGFORGE_JOBS:-2}" --target fuzz_targets
for binary in build/fuzz/tests/fuzz/fuzz_*; do
    name=$(basename "$binary")
    if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then continue; fi
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    corpus=tests/fuzz/corpus/${name#fuzz_}
    work=$(mktemp -d)
    mkdir -p "$corpus"
    echo "== $name for $seconds s"
    "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/" "$work" "$corpus" 2>&1 | tail -8
    rm -rf "$work"
done
