#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# How much of the code the unit tests reach, by gcov: lines and branches.
#   scripts/coverage.sh [AREA…]     areas as in tests/unit (default: all); with areas only their programs are
#                                   built, and only the code of the same name is counted
# Pages per file go to build/coverage/pages. Needs gcovr (not installed with the tests).
set -euo pipefail
cd "$(dirname "$0")/.."
command -v gcovr >/dev/null || { echo "gcovr is not installed: apt-get install gcovr" >&2; exit 4; }
build=build/coverage
areas=("$@")
if [ ${#areas[@]} -eq 0 ]; then
    mapfile -t areas < <(find tests/unit -mindepth 2 -name CMakeLists.txt -printf '%h\n' |
        xargs -n1 basename | sort)
    filter=(--filter '(builder|pipelines|seeds|sysprep|templates)/')
else
    filter=()
    for area in "${areas[@]}"; do
        filter+=(--filter "(builder/|pipelines/|)$area/")
    done
fi
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DIMGFORGE_PCH=ON -DIMGFORGE_UNITY=ON \
    -DCMAKE_CXX_FLAGS_DEBUG='-O0 --coverage' >/dev/null
cmake --build "$build" -j "$(nproc)" --target "${areas[@]/#/unit_}"
find "$build" -name '*.gcda' -delete
for area in "${areas[@]}"; do
    "$build/tests/unit/$area/unit_$area" --gtest_brief=1
done
mkdir -p "$build/pages"
gcovr --root . "${filter[@]}" --exclude-throw-branches --html-details "$build/pages/index.html" \
    --print-summary "$build" | tail -n 3
