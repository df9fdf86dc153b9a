#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs one fuzz target on top of its kept corpus; the way for the tests (CMakeLists.txt) and for
# scripts/fuzz.sh.
#   tests/fuzz/run.sh PROGRAM SECONDS [libFuzzer option…]
# What it finds (crash-*, leak-*, oom-*, timeout-*) lies beside the program. malloc_limit_mb: libarchive
# reserves what a header claims (4 GiB) without touching it; what is really used stays limited by
# rss_limit_mb.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1 seconds=$2
shift 2
export LSAN_OPTIONS=suppressions=$here/../support/lsan.supp:print_suppressions=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=8192 \
    -artifact_prefix="$(dirname "$program")/" "$@" \
    "$work" "$here/corpus/${program##*/fuzz_}"
