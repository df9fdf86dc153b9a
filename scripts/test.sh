#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what building and testing need, builds, runs every tier and ends with "N passed, N failed, N skipped".
#   scripts/test.sh [TIER…]      tiers: unit golden fuzz tools guest boot style; default: all
# A tier that is asked for is required: a test that would skip there fails (IMGFORGE_REQUIRE).
#
# Two builds: `ci` (g++) for the tiers with real programs and machines, `asan` (clang, AddressSanitizer, UndefinedBehaviorSanitizer) for
# unit, golden and fuzz. The machines are slow and use one core, so they run while the second build goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
all=(unit golden fuzz tools guest boot style)
tiers=("$@")
[ ${#tiers[@]} -gt 0 ] || tiers=("${all[@]}")
IMGFORGE_REQUIRE=$(IFS=,; echo "${tiers[*]}")
export IMGFORGE_REQUIRE

begin=$(date +%s)
step() { printf '\n== [%4ds] %s\n' $(($(date +%s) - begin)) "$*"; }
# labels TIER… : those of the arguments that were asked for, as a regular expression; empty if none
labels() {
    local wanted=() tier
    for tier in "$@"; do
        if [[ " ${tiers[*]} " == *" $tier "* ]]; then wanted+=("$tier"); fi
    done
    if [ ${#wanted[@]} -gt 0 ]; then (IFS='|'; echo "^(${wanted[*]})\$"); fi
}
results=$PWD/build/results
rm -rf "$results"
mkdir -p "$results"
# run BUILD NAME LABELS JOBS: one ctest run, its JUnit file in $results
run() {
    if [ -z "$3" ]; then return 0; fi
    local status=0
    ctest --test-dir "build/$1" --output-on-failure --no-tests=error -L "$3" -j "$4" --output-junit "$results/$2.xml" || status=$?
    echo $status >"$results/$2.status"
}

step "packages"
scripts/install-packages.sh test
fast=$(labels unit golden fuzz)
middle=$(labels tools style)
slow=$(labels guest boot)
background=
if [ -n "$middle$slow" ]; then
    step "build (g++)"
    cmake --preset ci >/dev/null
    cmake --build build/ci -j "$(nproc)" --target imgforge real_tests
    step "machines: guest and boot run in the background, log in build/results/machines.log"
    run ci machines "$slow" 1 >"$results/machines.log" 2>&1 &
    background=$!
    trap 'kill $background 2>/dev/null || true' EXIT
fi
if [ -n "$fast" ]; then
    step "build (clang, sanitizers)"
    cmake --preset asan >/dev/null
    cmake --build build/asan -j "$(nproc)" --target unit_tests fuzz_targets
    step "unit, golden, fuzz"
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0
    run asan fast "$fast" 2
    unset ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS
fi
step "tools, style"
run ci middle "$middle" 2
if [ -n "$background" ]; then
    step "waiting for the machines"
    wait "$background" || true
    trap - EXIT
    cat "$results/machines.log"
fi

step "end"
# The summary, from the JUnit files: what ran, not what we hoped to run.
total=0 failed=0 skipped=0
for status in "$results"/*.status; do
    file=${status%.status}.xml
    field() { tr '\n' ' ' <"$file" | sed -n "s/.*<testsuite[^>]*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p"; }
    if [ ! -s "$file" ] || [ -z "$(field tests)" ]; then
        echo "no results in $file"
        failed=$((failed + 1)) total=$((total + 1))
        continue
    fi
    now=$(field failures)
    total=$((total + $(field tests))) skipped=$((skipped + $(field skipped) + $(field disabled)))
    if [ "$(cat "$status")" -ne 0 ] && [ "$now" -eq 0 ]; then now=1 total=$((total + 1)); fi
    failed=$((failed + now))
done
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$total" -gt 0 ]
