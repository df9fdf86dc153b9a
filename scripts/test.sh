#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what building and testing need, builds, runs the tests and ends with "N passed, N failed, N
# skipped".
#   scripts/test.sh [TIER…]      tiers: unit golden tools guest style fuzz boot (the default) and machines,
#                                engines, sanitize, long
# A tier that is asked for is required: a test that would skip there fails (IMGFORGE_REQUIRE).
#
# Two builds: `ci` (g++) for everything, and `asan` (clang, AddressSanitizer, UndefinedBehaviorSanitizer) for
# the tier fuzz, which needs the readers of foreign data only, and for sanitize, which runs the unit and
# golden tests again. The tier boot installs Debian, makes an image of it, proves it by two clones and lives
# through what machines of it go through; it takes longest and uses little more than one core, so it starts as
# soon as the programs are built, and all else runs beside it with a lower priority. The tier machines goes on
# with that image: offline work, a guest without cloud-init, the tutorial, broken answers.
set -euo pipefail
cd "$(dirname "$0")/.."
tiers=("$@")
[ ${#tiers[@]} -gt 0 ] || tiers=(unit golden tools guest style fuzz boot)
IMGFORGE_REQUIRE=$(IFS=,; echo "${tiers[*]}")
export IMGFORGE_REQUIRE
# The same errors each time, so that a red run means a change; another seed, or the tier long, tries others.
export IMGFORGE_SEED=${IMGFORGE_SEED:-2}
# One memory image of the appliance serves all tests, whatever homes they make.
export IMGFORGE_APPLIANCE_IMAGE=$PWD/build/appliance

begin=$(date +%s)
step() { printf '\n== [%4ds] %s\n' $(($(date +%s) - begin)) "$*"; }
asked() { [[ " ${tiers[*]} " == *" $1 "* ]]; }
# labels TIER… : those of the arguments that were asked for, as a regular expression; empty if none
labels() {
    local wanted=() tier
    for tier in "$@"; do
        if asked "$tier"; then wanted+=("$tier"); fi
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
    ${priority:-} ctest --test-dir "build/$1" --output-on-failure --no-tests=error -L "$3" -j "$4" \
        --output-junit "$results/$2.xml" || status=$?
    echo $status >"$results/$2.status"
}
beside_run() { priority="nice -n 10" run "$@"; }

step "packages"
groups=(test)
if asked engines; then groups+=(engines); fi  # Ceph, Glance and Slurm: too large to be there always
scripts/install-packages.sh "${groups[@]}"
beside() { nice -n 10 "$@"; }

quick=$(labels unit golden tools style guest engines)
machines=$(labels boot machines long)
background=
if [ -n "$quick$machines" ]; then
    step "build (g++): the programs"
    cmake --preset ci >/dev/null
    programs=(imgforge imgforge-machine)
    if asked machines || asked long; then programs+=(real_tests); fi  # some of these tiers are test programs
    cmake --build build/ci -j "$(nproc)" --target "${programs[@]}"
fi
if [ -n "$machines" ]; then
    step "machines: they run in the background, log in build/results/machines.log"
    run ci machines "$machines" 2 >"$results/machines.log" 2>&1 &
    background=$!
    trap 'kill $background 2>/dev/null || true' EXIT
fi
if [ -n "$quick" ]; then
    step "build (g++): the tests"
    beside cmake --build build/ci -j "$(nproc)" --target unit_tests real_tests
    step "unit, golden, tools, style, guest, engines"
    beside_run ci quick "$quick" 2
fi
sanitized=$(labels fuzz)
if asked sanitize; then sanitized='^(unit|golden'$(asked fuzz && echo '|fuzz')')$'; fi
if [ -n "$sanitized" ]; then
    step "build (clang, sanitizers)"
    cmake --preset asan >/dev/null
    targets=()
    if asked fuzz; then targets+=(fuzz_targets); fi
    if asked sanitize; then targets+=(unit_tests); fi
    beside cmake --build build/asan -j "$(nproc)" --target "${targets[@]}"
    step "sanitize, fuzz"
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
        LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0
    beside_run asan sanitized "$sanitized" 2
fi
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
# Why, once more and in short: above it may be thousands of lines away.
if [ "$failed" -gt 0 ]; then python3 scripts/failed-tests.py "$results"/*.xml || true; fi
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$total" -gt 0 ]
