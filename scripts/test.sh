#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what building and testing need, builds, runs every tier and ends with "N passed, N failed[, N skipped]".
#   scripts/test.sh [TIER…]      tiers: unit golden tools guest boot sanitize fuzz style; default: all
# A tier that is asked for is required: a test that would skip there fails (IMGFORGE_REQUIRE).
set -euo pipefail
cd "$(dirname "$0")/.."
all=(unit golden tools guest boot sanitize fuzz style)
tiers=("$@")
[ ${#tiers[@]} -gt 0 ] || tiers=("${all[@]}")
IMGFORGE_REQUIRE=$(IFS=,; echo "${tiers[*]}")
export IMGFORGE_REQUIRE
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-2}

begin=$(date +%s)
step() { printf '\n== [%4ds] %s\n' $(($(date +%s) - begin)) "$*"; }
step "packages"
scripts/install-packages.sh test
step "build"
scripts/build.sh ci
step "tests: ${tiers[*]}"
labels=$(IFS='|'; echo "${tiers[*]}")
results=build/ci/results.xml
rm -f "$results"
status=0
ctest --test-dir build/ci --output-on-failure --no-tests=error -L "^($labels)\$" --output-junit "$PWD/$results" || status=$?
step "end"
# The summary line, from the JUnit file: what ran, not what we hoped to run.
field() { sed -n "s/.*<testsuite.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p;s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$results" | head -1; }
if [ ! -s "$results" ]; then
    echo "0 passed, 1 failed"
    exit 1
fi
total=$(field tests) failed=$(field failures) skipped=$(field skipped) disabled=$(field disabled)
skipped=$((skipped + ${disabled:-0}))
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
    failed=1
fi
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$status" -eq 0 ]
